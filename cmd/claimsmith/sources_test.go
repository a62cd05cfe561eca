package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// addPlugin puts a plugin, in YAML, before the others of a site's chain.
func addPlugin(t testing.TB, dir, name, plugin string) {
	t.Helper()
	file := filepath.Join(dir, "claimsmith.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "plugins:\n", "plugins:\n  "+name+": "+plugin+"\n", 1)
	changed = strings.Replace(changed, "chain: [", "chain: ["+name+", ", 1)
	writeFile(t, dir, "claimsmith.yaml", changed)
}

const people = `
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Acme

dn: uid=bob,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob Mason
sn: Mason
mail: bob@example.com
userPassword: builder
`

func TestADirectoryBeforeTheUsersTable(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    claims: {email: \"${identity.email}\", from: \"${identity.plugin}\"}\n")
	slapd := servertest.Slapd(t, people)
	writeFile(t, dir, "ldap.password", slapd.RootPassword)
	addPlugin(t, dir, "directory", fmt.Sprintf(`
    use: ldap
    timeout: 2s
    config:
      urls: [%q]
      bind_dn: %q
      bind_password: {file: ldap.password}
      base: %q`, slapd.URL, slapd.RootDN, slapd.Suffix))
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	login := func(username, password string) reply {
		return p.token("portal", secrets.client, "grant_type=password", "username="+username, "password="+password)
	}

	claims, err := p.verify(login("bob", "builder").AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if claims["email"] != "bob@example.com" || claims["from"] != "directory" {
		t.Errorf("claims of a person of the directory: %v", claims)
	}
	if r := login("bob", "wrong"); r.Error != "invalid_grant" {
		t.Errorf("a wrong password: %+v", r)
	}
	if r := login("alice", secrets.password); r.Status != http.StatusOK {
		t.Errorf("a person whom the next plugin knows: %+v", r)
	}

	slapd.Stop()
	if r := login("bob", "builder"); r.Status != http.StatusServiceUnavailable || r.Error != "temporarily_unavailable" || r.RetryAfter == "" {
		t.Errorf("while the directory is down: %+v", r)
	}
	if r := login("alice", secrets.password); r.Status != http.StatusOK {
		t.Errorf("a person whom a later plugin knows, while the directory is down: %+v", r)
	}
	slapd.Start()
	p.await("the directory", func() bool { return login("bob", "builder").Status == http.StatusOK })
	if strings.Contains(p.log.String(), slapd.RootPassword) {
		t.Error("the password of the service account is in the log")
	}
}

func TestAQueryOfYourOwn(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte("builder"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "own.db") },
		"PostgreSQL": servertest.PostgreSQL,
		"MariaDB":    servertest.MariaDB,
	} {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(t.Context(), `create table staff (login varchar(50), secret varchar(200), mail varchar(100))`); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(t.Context(), `insert into staff values ('bob', ?, 'bob@example.com')`, string(hash)); err != nil {
				t.Fatal(err)
			}
			listen := freeAddress(t)
			dir := newSite(t, listen, "", "    claims: {email: \"${identity.email}\"}\n")
			writeFile(t, dir, "own.url", url)
			addPlugin(t, dir, "own", `
    use: database
    config:
      url: {file: own.url}
      query: select login, secret, mail from staff where login = :username
      columns: {subject: login, password: secret, email: mail}`)
			secrets := populate(t, dir)
			p := start(t, dir, listen)
			r := p.token("portal", secrets.client, "grant_type=password", "username=bob", "password=builder")
			claims, err := p.verify(r.AccessToken)
			if err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			if claims["sub"] != "bob" || claims["email"] != "bob@example.com" {
				t.Errorf("claims %v", claims)
			}
		})
	}
}

func TestAServiceThatKnowsAPIKeys(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case down.Load() || r.Header.Get("Authorization") != "Bearer token-of-ours":
			w.WriteHeader(http.StatusInternalServerError)
		case strings.Contains(string(body), "live_0123456789"):
			io.WriteString(w, `{"subject": "robot-1", "organisation": "Acme"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(service.Close)
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    claims: {org: \"${identity.organisation}\", from: \"${identity.plugin}\"}\n")
	writeFile(t, dir, "keys.token", "token-of-ours")
	addPlugin(t, dir, "elsewhere", fmt.Sprintf(`
    use: apikey
    config: {verify_url: %q, bearer_token: {file: keys.token}, cache: 0s}`, service.URL))
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	login := func(key string) reply {
		return p.token("portal", secrets.client, "grant_type=urn:claimsmith:params:oauth:grant-type:api-key", "api_key="+key)
	}
	claims, err := p.verify(login("live_0123456789").AccessToken)
	if err != nil || claims["sub"] != "robot-1" || claims["org"] != "Acme" || claims["from"] != "elsewhere" {
		t.Errorf("claims of a key that the service knows: %v, %v", claims, err)
	}
	if r := login(secrets.key); r.Status != http.StatusOK {
		t.Errorf("a key of the table: %+v", r)
	}
	if r := login("live_unknown"); r.Error != "invalid_grant" {
		t.Errorf("a key that nobody knows: %+v", r)
	}
	down.Store(true)
	if r := login("live_0123456789"); r.Status != http.StatusServiceUnavailable || r.RetryAfter == "" {
		t.Errorf("while the service is down: %+v", r)
	}
	if text := p.log.String(); strings.Contains(text, "live_0123456789") || strings.Contains(text, "token-of-ours") {
		t.Error("a secret is in the log")
	}
}
