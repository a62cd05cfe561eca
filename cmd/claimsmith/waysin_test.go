package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/oauth"
)

// wayIn is a request that proves somebody by a secret, which stands for SECRET.
type wayIn struct {
	path, body string
	client     string // whose Basic header goes with it; "" for none
	secret     string // of that client
}

// knock sends the request with a secret, for a phase of the test.
func (w wayIn) knock(t *testing.T, p *program, phase, secret string) {
	t.Helper()
	body := strings.ReplaceAll(w.body, "SECRET", secret)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+w.path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	if w.client != "" {
		r.SetBasicAuth(w.client, strings.ReplaceAll(w.secret, "SECRET", secret))
	}
	r.Header.Set("User-Agent", phase)
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// outcomes counts the requests of each phase by how the log says that they ended.
func (p *program) outcomes(phase string) map[string]int {
	count := map[string]int{}
	for line := range strings.Lines(p.log.String()) {
		var e struct {
			Phase   string `json:"user_agent"`
			Outcome string `json:"outcome"`
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Phase == phase {
			count[e.Outcome]++
		}
	}
	return count
}

// However guesses are spread over the ways in, they count together: of a person's
// password a few are looked at, of a key's or a client's secret forty. After that
// no way in takes the right one from there.
func TestEveryWayInIsThrottled(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, "", `    keys: {algorithms: [ES256, RS256]}
    dialects:
      - {dialect: woodwing, client: portal}
      - {dialect: oisp, client: portal}
      - {dialect: servicemobility, client: portal}
      - {dialect: crm-com, client: portal}
trusted_proxies: [127.0.0.0/8]
log: {format: json}
`)
	secrets := populate(t, dir)
	trader := field(t, claimsmith(t, dir, "client", "create", "trader", "--config", "claimsmith.yaml", "--grant", "api-key,token-exchange"), "client_secret")
	p := start(t, dir, listen)
	keyID, keySecret := secrets.key[:len("csk_")+11], secrets.key[len("csk_")+11:]
	exchange := url.Values{"grant_type": {oauth.GrantTokenExchange}, "subject_token_type": {"urn:claimsmith:params:oauth:token-type:api-key"}}.Encode()
	for _, tt := range []struct {
		phase  string
		ways   []wayIn
		right  string
		wrong  string
		looked int // at most
	}{
		{
			phase: "password",
			ways: []wayIn{
				{path: "/oauth2/token", body: "grant_type=password&username=alice&password=SECRET", client: "portal", secret: secrets.client},
				{path: demoLogins["woodwing"].path, body: "username=alice&password=SECRET"},
				{path: demoLogins["oisp"].path, body: `{"username":"alice","password":"SECRET"}`},
				{path: demoLogins["servicemobility"].path, body: `{"username":"ALICE","password":"SECRET"}`},
				{path: demoLogins["crm-com"].path, body: `{"username":"alice","password":"SECRET","organisation":"Acme"}`},
			},
			right: secrets.password, wrong: "wrong", looked: 5,
		},
		{
			phase: "API key",
			ways: []wayIn{
				{path: "/oauth2/token", body: "grant_type=" + oauth.GrantAPIKey + "&api_key=" + keyID + "SECRET", client: "trader", secret: trader},
				{path: "/oauth2/token", body: exchange + "&subject_token=" + keyID + "SECRET", client: "trader", secret: trader},
			},
			right: keySecret, wrong: strings.Repeat("a", len(keySecret)), looked: 40,
		},
		{
			phase: "client secret",
			ways: []wayIn{
				{path: "/oauth2/token", body: "grant_type=client_credentials", client: "portal", secret: "SECRET"},
				{path: "/oauth2/token", body: "grant_type=client_credentials&client_id=portal&client_secret=SECRET"},
				{path: "/oauth2/introspect", body: "token=x", client: "portal", secret: "SECRET"},
				{path: "/oauth2/revoke", body: "token=x&client_id=portal&client_secret=SECRET"},
			},
			right: secrets.client, wrong: "ccs_wrong", looked: 40,
		},
	} {
		phase := tt.phase
		for range 12 {
			for _, way := range tt.ways {
				way.knock(t, p, phase, tt.wrong)
			}
		}
		for range 20 * tt.looked / 40 {
			tt.ways[0].knock(t, p, phase, tt.wrong)
		}
		for _, way := range tt.ways {
			way.knock(t, p, phase+", right", tt.right)
		}
		var wrong, right map[string]int
		p.await("every event of the "+phase, func() bool { // one is written after its answer
			wrong, right = p.outcomes(phase), p.outcomes(phase+", right")
			return sum(wrong) == 12*len(tt.ways)+20*tt.looked/40 && sum(right) == len(tt.ways)
		})
		if n := wrong["denied"]; n < 1 || n > tt.looked || wrong["throttled"] == 0 || len(wrong) != 2 {
			t.Errorf("%s: guesses ended as %v, want at most %d denied and the rest throttled", phase, wrong, tt.looked)
		}
		if len(right) != 1 || right["throttled"] != len(tt.ways) {
			t.Errorf("%s: the right one afterwards, from the same address: %v, want %d throttled", phase, right, len(tt.ways))
		}
	}
}

func sum(counts map[string]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}
