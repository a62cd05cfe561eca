package examples_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// A service keeps verifying while the server's key rotates: tokens of the new key
// and those of the old one that have not expired.
func TestRelyingServiceTrustsTheDemo(t *testing.T) {
	for _, s := range services {
		t.Run(s.name, func(t *testing.T) {
			command := s.command(t)
			demo := startDemo(t)
			url := startService(t, command, demo.Issuer, demo.Issuer)
			old := demo.login(t, demo.Username, demo.Password)
			a := askUntil(t, url, old, http.StatusOK)
			if a.Claims["iss"] != demo.Issuer || a.Claims["client_id"] != demo.ClientID {
				t.Errorf("the service answers with the claims %v", a.Claims)
			}

			runToEnd(t, exec.Command(demo.binary, "keys", "rotate", "--now", "--demo", "--data", demo.dir))
			next := old
			eventually(t, func() bool {
				next = demo.login(t, demo.Username, demo.Password)
				return keyID(t, next) != keyID(t, old)
			}, "a token signed by the new key")
			askUntil(t, url, next, http.StatusOK)
			askUntil(t, url, old, http.StatusOK)
		})
	}
}

// server is a claimsmith that a test has started.
type server struct {
	binary, dir            string
	Issuer                 string
	ClientID, ClientSecret string
	Username, Password     string
}

// startDemo runs claimsmith serve --demo until the end of the test.
func startDemo(t *testing.T) server {
	t.Helper()
	s := server{binary: imageBinary(t), dir: t.TempDir()}
	out := keep(t, exec.Command(s.binary, "serve", "--demo", "--data", s.dir, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"))
	go io.Copy(io.Discard, out)
	facts := map[string]string{}
	eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(s.dir, "demo.env"))
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			facts[name] = strings.Trim(value, "'")
		}
		return err == nil && facts["ADMIN_URL"] != "" && ready(facts["ADMIN_URL"])
	}, "the demo to be ready")
	s.Issuer = facts["ISSUER"]
	s.ClientID, s.ClientSecret = facts["CLIENT_ID"], facts["CLIENT_SECRET"]
	s.Username, s.Password = facts["USERNAME"], facts["PASSWORD"]
	return s
}

// ready tells whether a server says on its admin listener that it is.
func ready(admin string) bool {
	resp, err := http.Get(admin + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// login returns an access token for a person, by the password grant.
func (s server) login(t *testing.T, username, password string) string {
	t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}, "scope": {"read"}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Issuer+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(s.ClientID, s.ClientSecret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("login of %s: %s: %v", username, resp.Status, err)
	}
	if answer.AccessToken == "" {
		t.Fatalf("login of %s: %s: %s: %s", username, resp.Status, answer.Error, answer.Description)
	}
	return answer.AccessToken
}

// keyID returns the kid of a token.
func keyID(t *testing.T, token string) string {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Header["kid"].(string)
}
