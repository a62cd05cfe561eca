package examples_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestTheDemoSpeaksEveryDialect logs the demo's person in as a client of each
// product does, and asks the token endpoint's side about the token.
func TestTheDemoSpeaksEveryDialect(t *testing.T) {
	demo := startDemo(t)
	token := regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)
	for name, login := range map[string]struct{ path, contentType, body string }{
		"asset-infinity":  {"/api/auth/signin", "application/json-patch+json", `{"email":"alice","password":"wonderland","company":"Acme"}`},
		"woodwing":        {"/services/apilogin?username=alice&password=wonderland", "", ""},
		"oisp":            {"/v1/api/auth/token", "application/json", `{"username":"alice","password":"wonderland"}`},
		"servicemobility": {"/createjwt", "application/json", `{"username":"alice","password":"wonderland"}`},
		"crm-com":         {"/crmapi/rest/v2/authentication/token", "application/json", `{"username":"alice","password":"wonderland","organisation":"Acme"}`},
	} {
		answer := send(t, http.MethodPost, demo.Issuer+login.path, login.contentType, "", login.body)
		got := token.FindString(answer)
		if got == "" {
			t.Errorf("%s: %s", name, answer)
			continue
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, demo.Issuer+"/oauth2/introspect", strings.NewReader(url.Values{"token": {got}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(demo.ClientID, demo.ClientSecret)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if told := text(t, r); !strings.Contains(told, `"active":true`) {
			t.Errorf("%s: introspection: %s", name, told)
		}
		if name != "oisp" {
			continue
		}
		var me struct {
			ID, Email, Type string
			Created         int64
		}
		if err := json.Unmarshal([]byte(send(t, http.MethodGet, demo.Issuer+"/v1/api/auth/me", "", got, "")), &me); err != nil {
			t.Fatal(err)
		}
		if me.ID == "" || me.Email != "alice@example.com" || me.Type != "person" || me.Created == 0 {
			t.Errorf("%s: who the token stands for: %+v", name, me)
		}
	}
}

func send(t *testing.T, method, url, contentType, bearer, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return text(t, r)
}

func text(t *testing.T, r *http.Request) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
