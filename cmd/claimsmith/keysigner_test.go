package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
)

// newSignedSite makes the directory of an issuer whose keys a plugin holds in
// the files of vault.
func newSignedSite(t *testing.T, listen, vault, more string) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := newRotatingSite(t, listen, "", `
    keys: {signer: vault}
    clients:
      - {id: load, secret: {file: load.secret}, grants: [client_credentials]}
`+more)
	change(t, dir, "issuers:", fmt.Sprintf("plugins: {vault: {command: [%q, %s, %q], insecure_unpinned: true, timeout: 2s}}\nissuers:", program, keysInFiles, vault))
	return dir
}

func TestAPluginHoldsTheKeys(t *testing.T) {
	t.Parallel()
	listen, vault := freeAddress(t), t.TempDir()
	dir := newSignedSite(t, listen, vault, "")
	p := start(t, dir, listen)
	token := func() reply { return p.token("load", "the secret of the load", "grant_type=client_credentials") }
	first := token()
	if _, err := p.verify(first.AccessToken); err != nil {
		t.Fatal(err)
	}
	if n := keyFiles(t, vault); n != 1 {
		t.Errorf("the plugin holds %d keys, want 1", n)
	}

	claimsmith(t, dir, "keys", "rotate", "--now", "--config", "claimsmith.yaml")
	p.await("the server to sign with the new key", func() bool { return kidOf(t, token().AccessToken) != kidOf(t, first.AccessToken) })
	for what, r := range map[string]reply{"before the rotation": first, "after it": token()} {
		if _, err := p.verify(r.AccessToken); err != nil {
			t.Errorf("a token from %s: %v", what, err)
		}
	}

	writeFile(t, vault, "down", "")
	if r := token(); r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.RetryAfter == "" {
		t.Errorf("a login while the plugin cannot sign: %+v", r)
	}
	if !p.introspect("load", "the secret of the load", first.AccessToken) {
		t.Error("a token is not active while the plugin cannot sign")
	}
	if err := os.Remove(vault + "/down"); err != nil {
		t.Fatal(err)
	}

	signalPlugin(t, partner{dir: dir}.status(t).PID, syscall.SIGKILL)
	p.await("a token of the next process", func() bool {
		r := token()
		if r.Status != http.StatusOK && r.Status != http.StatusServiceUnavailable {
			t.Fatalf("after the plugin was killed: %+v", r)
		}
		return r.Status == http.StatusOK
	})
	if log := p.log.String(); strings.Contains(log, "PRIVATE") {
		t.Error("a private key is in the log")
	}
}

// Keys move into a plugin and out of it as others do: the successor is announced
// elsewhere, and the one before signs on where it is.
func TestKeysMoveIntoAPluginAndBack(t *testing.T) {
	t.Parallel()
	listen, vault := freeAddress(t), t.TempDir()
	dir := newSignedSite(t, listen, vault, "")
	change(t, dir, "keys: {signer: vault}", "keys: {skew: 1s}")
	p := start(t, dir, listen)
	var tokens []string
	check := func(where string, held int) {
		t.Helper()
		tokens = append(tokens, p.token("load", "the secret of the load", "grant_type=client_credentials").AccessToken)
		for i, token := range tokens {
			if _, err := p.verify(token); err != nil {
				t.Errorf("%s: token %d: %v", where, i, err)
			}
		}
		if n := keyFiles(t, vault); n != held {
			t.Errorf("%s: the plugin holds %d keys, want %d", where, n, held)
		}
	}
	move := func(from, to string) {
		t.Helper()
		change(t, dir, from, to)
		claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	}
	rotate := func() {
		t.Helper()
		before := kidOf(t, tokens[len(tokens)-1])
		claimsmith(t, dir, "keys", "rotate", "--now", "--config", "claimsmith.yaml")
		p.await("the next key", func() bool {
			return kidOf(t, p.token("load", "the secret of the load", "grant_type=client_credentials").AccessToken) != before
		})
	}
	check("in memory", 0)
	move("keys: {skew: 1s}", "keys: {skew: 1s, signer: vault}")
	check("after the reload", 0)
	rotate()
	check("in the plugin", 1)
	move("keys: {skew: 1s, signer: vault}", "keys: {skew: 1s}")
	check("on the way back", 1)
	rotate()
	check("in memory again", 1)
}

// Where no token is signed for, the plugin is no part of a command.
func TestAnEmergencyNeedsNoPlugin(t *testing.T) {
	t.Parallel()
	vault := t.TempDir()
	dir := newSignedSite(t, freeAddress(t), vault, "")
	claimsmith(t, dir, "keys", "rotate", "--config", "claimsmith.yaml")
	if n := keyFiles(t, vault); n != 2 {
		t.Fatalf("the plugin holds %d keys, want an active and an announced one", n)
	}
	change(t, dir, "command: [", "command: [/nonexistent, ")
	list := claimsmith(t, dir, "keys", "list", "--config", "claimsmith.yaml")
	active := strings.Fields(strings.Split(list, "\n")[1])[0]
	if out := claimsmith(t, dir, "keys", "revoke", "--now", "--config", "claimsmith.yaml", "--", active); !strings.Contains(out, "signs now") {
		t.Errorf("the announced successor does not sign:\n%s", out)
	}
}

func TestASignerThatCannotSignKeepsTheServerFromStarting(t *testing.T) {
	t.Parallel()
	path, hash := newFaulty(t, "1")
	listen := freeAddress(t)
	dir := newRotatingSite(t, listen, "", "    keys: {signer: vault}\n")
	change(t, dir, "issuers:", fmt.Sprintf("plugins: {vault: {command: [%q], sha256: %s}}\nissuers:", path, hash))
	out, err := command(t, dir, "serve", "--config", "claimsmith.yaml", "--listen", listen, "--admin", freeAddress(t)).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `it lacks the ability "sign"`) {
		t.Errorf("%v\n%s", err, out)
	}
}
