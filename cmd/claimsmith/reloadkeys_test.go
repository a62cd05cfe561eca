package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A reload can take long: it waits for plugins to start. What others do to the keys
// meanwhile counts when it is done.
func TestAKeyRevokedDuringAReloadStaysRevoked(t *testing.T) {
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    keys: {skew: 60s}\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	token := p.token("portal", secrets.client, "grant_type=client_credentials").AccessToken

	faulty, _ := newFaulty(t, "1")
	writeFile(t, dir, "slow", fmt.Sprintf("#!/bin/sh\ntouch %[1]s/asked\nwhile [ ! -e %[1]s/go ]; do sleep 0.05; done\nexec %[2]s\n", dir, faulty))
	if err := os.Chmod(filepath.Join(dir, "slow"), 0o700); err != nil {
		t.Fatal(err)
	}
	edit(t, dir, "keys: {use: apikey}", "keys: {use: apikey}\n  slow: {command: ["+dir+"/slow], insecure_unpinned: true, config: {mark: x}}")
	edit(t, dir, "skew: 60s", "skew: 61s")
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.await("the start of a plugin", func() bool { _, err := os.Stat(dir + "/asked"); return err == nil })
	claimsmith(t, dir, "keys", "revoke", kidOf(t, token), "--now", "--config", "claimsmith.yaml")
	p.await("the token to be refused", func() bool { return !p.introspect("portal", secrets.client, token) })
	writeFile(t, dir, "go", "")
	p.await("the reload", func() bool { return strings.Contains(p.log.String(), "configuration reloaded") })
	if p.introspect("portal", secrets.client, token) {
		t.Error("the token is active again")
	}
}
