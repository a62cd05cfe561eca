package oauth_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// TestConformanceIsHeldByTests reads docs/conformance.md: each row names tests,
// and each of them exists.
func TestConformanceIsHeldByTests(t *testing.T) {
	page, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, transcripts := sources(t)
	quoted := regexp.MustCompile("`([^`]+)`")
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(line, "|\n"), " | ")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| held by |\n") {
			continue
		}
		rows++
		names := quoted.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(names) == 0 {
			t.Errorf("no test in: %s", line)
		}
		for _, name := range names {
			file, words, isCase := strings.Cut(name[1], ": ")
			switch {
			case !isCase && !tests[name[1]]:
				t.Errorf("there is no test %s", name[1])
			case isCase && !strings.Contains(transcripts[file], words):
				t.Errorf("transcript %s has no %q", file, words)
			}
		}
	}
	if rows < 110 {
		t.Errorf("%d rows were read", rows)
	}
}

// sources returns the names of all tests, and the transcripts by file name.
func sources(t *testing.T) (tests map[string]bool, transcripts map[string]string) {
	t.Helper()
	tests, transcripts = map[string]bool{}, map[string]string{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	tree := os.DirFS("../..")
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		transcript := strings.HasPrefix(path, "server/oauth/testdata/") && strings.HasSuffix(path, ".txt")
		if err != nil || d.IsDir() || !transcript && !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(tree, path)
		if transcript {
			transcripts[d.Name()] += string(text)
		}
		for _, name := range declared.FindAllSubmatch(text, -1) {
			tests[string(name[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, transcripts
}

func TestUnknownParametersAreIgnored(t *testing.T) {
	if a := newIssuer(t).login(t, "colour=blue", "Grant_Type=nothing"); a.Status != http.StatusOK {
		t.Errorf("answer %+v", a)
	}
}

func TestAPublicClientGetsNoClientCredentials(t *testing.T) {
	i := newIssuer(t)
	i.addClient(t, "open")
	if a := i.ask(t, "/oauth2/token", "", "grant_type=client_credentials", "client_id=open"); a["error"] != "unauthorized_client" {
		t.Errorf("answer %v", a)
	}
}

// RFC 6749 section 5.2: printable ASCII without quote and backslash, so that
// they can stand in a header as well.
func TestRefusalsAreOfTheAlphabet(t *testing.T) {
	i := newIssuer(t)
	odd := "\"\\\r\nü\x7f"
	for _, w := range []*httptest.ResponseRecorder{
		i.send("/oauth2/token", basic("portal", "portal-secret"), "grant_type="+odd),
		i.send("/oauth2/token", basic("portal", "portal-secret"), "grant_type=password", "username="+odd, "password="+odd),
		i.send("/oauth2/token", basic("portal", "portal-secret"), "grant_type=client_credentials", "scope="+odd),
		i.send("/oauth2/token", basic("portal", "portal-secret"), "grant_type=client_credentials", "resource="+odd),
		i.send("/oauth2/token", basic(odd, odd), "grant_type=client_credentials"),
		i.send("/oauth2/introspect", basic("api", "wrong"), "token="+odd),
		i.send("/oauth2/revoke", "", "client_id="+odd, "token="+odd),
		i.get("/userinfo", "Bearer "+odd),
		i.get("/userinfo", "Bearer abc"),
	} {
		var answer struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Error == "" {
			t.Fatalf("body %s: %v", w.Body, err)
		}
		if strings.ContainsFunc(answer.Error+answer.Description, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
			t.Errorf("body %s", w.Body)
		}
		if bytes.ContainsAny([]byte(w.Header().Get("WWW-Authenticate")), "\r\n\\") {
			t.Errorf("challenge %q", w.Header().Get("WWW-Authenticate"))
		}
	}
}

// describe returns the issuer's metadata from a path.
func (i *issuer) describe(t *testing.T, path string) (m struct {
	Issuer     string   `json:"issuer"`
	Token      string   `json:"token_endpoint"`
	GrantTypes []string `json:"grant_types_supported"`
	Scopes     []string `json:"scopes_supported"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Algorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
}) {
	t.Helper()
	w := i.get(path, "")
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		t.Fatalf("%s: status %d: %v", path, w.Code, err)
	}
	return m
}

// Metadata names a grant type exactly where the token endpoint has it.
func TestMetadataTellsWhatWorks(t *testing.T) {
	trusting, _ := newPartnered(t, "")
	for name, i := range map[string]*issuer{
		"plain":           newIssuer(t),
		"without plugins": newIssuer(t, func(c *oauth.Config) { c.Chain = nil }),
		"trusting":        trusting,
	} {
		m := i.describe(t, "/.well-known/oauth-authorization-server")
		for _, grant := range append(slices.Clone(oauth.Grants), "authorization_code") {
			a := i.ask(t, "/oauth2/token", basic("portal", "portal-secret"), "grant_type="+grant)
			if told, works := slices.Contains(m.GrantTypes, grant), a["error"] != "unsupported_grant_type"; told != works {
				t.Errorf("%s: %s is told: %v, works: %v", name, grant, told, works)
			}
		}
		if slices.Contains(m.Algorithms, "none") || slices.Contains(m.Algorithms, "HS256") || len(m.Algorithms) == 0 {
			t.Errorf("algorithms %v", m.Algorithms)
		}
	}
}

func TestMetadataTellsScopesAsTheyAre(t *testing.T) {
	i := newIssuer(t)
	for id, disabled := range map[string]bool{"archive": false, "ghost": true} {
		client := storage.Client{Issuer: issuerName, ID: id, Grants: []string{oauth.GrantPassword}, Scopes: []string{"read", id + ":read"}, Disabled: disabled}
		if err := i.db.CreateClient(t.Context(), client); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"archive:read", "offline_access", "read", "write"}
	if m := i.describe(t, "/.well-known/openid-configuration"); !slices.Equal(m.Scopes, want) {
		t.Errorf("scopes %q, want %q", m.Scopes, want)
	}
}

func TestMetadataIsBeforeThePath(t *testing.T) {
	const url = issuerURL + "/tenant"
	i := newIssuer(t, func(c *oauth.Config) { c.Issuer = url })
	for _, path := range []string{"/.well-known/oauth-authorization-server/tenant", "/tenant/.well-known/openid-configuration"} {
		if m := i.describe(t, path); m.Issuer != url || m.Token != url+"/oauth2/token" {
			t.Errorf("%s: %+v", path, m)
		}
	}
}
