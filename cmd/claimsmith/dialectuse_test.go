package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// signIn logs in by a JSON dialect and returns the answer.
func (p *program) signIn(agent, path, password string) (*http.Response, string) {
	p.t.Helper()
	body := `{"username":"alice","password":"` + password + `"}`
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", agent)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(text)
}

// served lists the dialects of the site's configuration, by the command.
func served(t *testing.T, dir string) (rows []dialectRow) {
	t.Helper()
	out := claimsmith(t, dir, "dialect", "list", "--json", "--config", "claimsmith.yaml")
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestAnOperatorsOwnDialect serves a changed copy of a dialect under the name of
// the one that comes with the program, sees who uses it, and reloads its file.
func TestAnOperatorsOwnDialect(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    dialects:\n      - {file: ours.yaml, client: portal, sunset: \"2027-06-30\"}\n")
	text, err := dialect.Text("servicemobility")
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.Replace(string(text), `{token: "${token.text}"}`, `{token: "${token.text}", by: ours}`, 1)
	writeFile(t, dir, "ours.yaml", ours)
	secrets := populate(t, dir)
	if row := served(t, dir)[0]; row.Usage != nil {
		t.Errorf("used before the server was started: %+v", row)
	}
	p := start(t, dir, listen)
	resp, body := p.signIn("FleetApp/1.2 (Android)", "/createjwt", secrets.password)
	if !strings.HasSuffix(body, `"by":"ours"}`) || resp.Header.Get("Sunset") != "Wed, 30 Jun 2027 00:00:00 GMT" {
		t.Fatalf("login: %s %v", body, resp.Header)
	}
	p.signIn("FleetApp/1.3", "/createjwt", "wrong")

	rows := served(t, dir)
	row := rows[0]
	if row.Dialect != "servicemobility" || row.File != "ours.yaml" || row.Sunset != "2027-06-30" || row.Usage == nil {
		t.Fatalf("the first dialect: %+v", row)
	}
	if u := row.Usage; u.Logins != 1 || u.Requests != 2 || u.Last.IsZero() || len(u.Uses) != 1 || u.Uses[0].UserAgent != "FleetApp" || u.Uses[0].Route != "login" {
		t.Errorf("its use: %+v", u)
	}
	if n := len(dialect.Names()); len(rows) != 1+n {
		t.Errorf("%d rows: the one that comes with the program is there still, with the other %d", len(rows), n)
	}
	table := claimsmith(t, dir, "dialect", "list", "--config", "claimsmith.yaml")
	if first := strings.Split(table, "\n")[1]; !strings.Contains(first, "2027-06-30") || !strings.HasSuffix(first, "FleetApp 2") {
		t.Errorf("as a table:\n%s", table)
	}

	writeFile(t, dir, "ours.yaml", strings.Replace(ours, "by: ours", "by: us, again: true", 1))
	claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	if _, body := p.signIn("FleetApp/1.3", "/createjwt", secrets.password); !strings.HasSuffix(body, `"by":"us","again":true}`) {
		t.Errorf("after a reload: %s", body)
	}
	if u := served(t, dir)[0].Usage; u == nil || u.Logins != 2 {
		t.Errorf("use after a reload: %+v", u)
	}
	writeFile(t, dir, "ours.yaml", strings.Replace(ours, "token.text", "token.txet", 1))
	if out := refused(t, dir, "config", "reload", "--config", "claimsmith.yaml"); !strings.Contains(out, "ours.yaml:") || !strings.Contains(out, "token.txet") {
		t.Errorf("a reload of a faulty file says %s", out)
	}
	if _, body := p.signIn("FleetApp/1.3", "/createjwt", secrets.password); !strings.HasSuffix(body, `"by":"us","again":true}`) {
		t.Errorf("after a reload that failed: %s", body)
	}
	p.stop()
}

// TestADialectMovesToTheJWKS adds the one line that docs/dialects.md tells to a
// configuration in use. A JWKS client verifies the next token.
func TestADialectMovesToTheJWKS(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "    dialects:\n      - dialect: servicemobility\n        client: portal\n")
	secrets := populate(t, dir)
	p := start(t, dir, listen)
	algorithmOf := func() string {
		var answer struct{ Token string }
		_, body := p.signIn("FleetApp/1", "/createjwt", secrets.password)
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		var keys jose.JSONWebKeySet
		if err := getJSON(p.URL+"/.well-known/jwks.json", &keys); err != nil {
			t.Fatal(err)
		}
		signed, err := jose.ParseSignedCompact(answer.Token, []jose.SignatureAlgorithm{jose.HS256, jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		h := signed.Signatures[0].Header
		if found := keys.Key(h.KeyID); h.KeyID != "" && len(found) == 1 {
			if _, err := signed.Verify(found[0]); err != nil {
				t.Error(err)
			}
			return h.Algorithm + " by the JWKS"
		}
		return h.Algorithm
	}
	if got := algorithmOf(); got != "HS256" {
		t.Errorf("before: %s", got)
	}
	edit(t, dir, "        client: portal\n", "        client: portal\n        algorithm: ES256\n")
	claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	if got := algorithmOf(); got != "ES256 by the JWKS" {
		t.Errorf("afterwards: %s", got)
	}
	edit(t, dir, "        client: portal\n", "        client: prtal\n")
	claimsmith(t, dir, "config", "reload", "--config", "claimsmith.yaml")
	if log := p.log.String(); !strings.Contains(log, "there is no such client") || !strings.Contains(log, "prtal") {
		t.Errorf("the log says nothing of a client that is misspelt:\n%s", log)
	}
	p.stop()
}
