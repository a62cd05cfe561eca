package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// newSite makes a directory with a configuration and a master key. listen is
// the address that the issuer's URL names; storage defaults to SQLite; more is
// YAML for the one issuer, indented as its keys are.
func newSite(t testing.TB, listen, storage, more string) string {
	t.Helper()
	dir := t.TempDir()
	if storage == "" {
		storage = "sqlite:claimsmith.db"
	}
	key := make([]byte, 32)
	rand.Read(key)
	writeFile(t, dir, "master.key", base64.StdEncoding.EncodeToString(key)+"\n")
	writeFile(t, dir, "claimsmith.yaml", fmt.Sprintf(`
storage:
  url: %s
master_keys:
  - {id: test, key: {file: master.key}}
plugins:
  keys: {use: apikey}
  people: {use: database}
issuers:
  - url: http://%s
    chain: [keys, people]
    audience: [https://api.example.com]
%s`, storage, listen, more))
	return dir
}

// field returns the value that a command printed behind a name.
func field(t testing.TB, output, name string) string {
	t.Helper()
	for line := range strings.Lines(output) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			return f[1]
		}
	}
	t.Fatalf("no %s in:\n%s", name, output)
	return ""
}

// populate creates a client, a person and an API key by the commands that an
// operator types, and returns their secrets.
func populate(t testing.TB, dir string) (secrets struct{ client, password, key string }) {
	t.Helper()
	out := claimsmith(t, dir, "client", "create", "portal", "--config", "claimsmith.yaml",
		"--grant", "password,api-key,client_credentials,refresh_token", "--scope", "read,write,offline_access")
	secrets.client = field(t, out, "client_secret")
	out = claimsmith(t, dir, "user", "add", "alice", "--config", "claimsmith.yaml", "--name", "Alice", "--email", "alice@example.com")
	secrets.password = field(t, out, "password")
	out = claimsmith(t, dir, "apikey", "create", "--config", "claimsmith.yaml", "--owner", "robot", "--scope", "read")
	secrets.key = field(t, out, "api_key")
	return secrets
}
