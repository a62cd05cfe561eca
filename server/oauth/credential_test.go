package oauth_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// addClient adds a client that may use client credentials.
func (i *issuer) addClient(t testing.TB, id string, secrets ...storage.SecretHash) {
	t.Helper()
	if err := i.db.CreateClient(t.Context(), storage.Client{
		Issuer: issuerName, ID: id, Grants: []string{oauth.GrantClientCredentials}, Secrets: secrets,
	}); err != nil {
		t.Fatal(err)
	}
}

func sum(secret sdk.Secret) storage.SecretHash {
	return storage.SecretHash{Hash: oauth.HashClientSecret(secret)}
}

// RFC 6749 wants the two parts of Basic credentials form-encoded. Many clients
// do not, so both are understood.
func TestBasicCredentials(t *testing.T) {
	i := newIssuer(t)
	clients := map[string]sdk.Secret{"plain": "secret", "plus": "a+b c%20d%zz", "co:lon": "x:y", "ümlaut": "schlüssel", "https://app.example/": "s"}
	for id, secret := range clients {
		i.addClient(t, id, sum(secret))
	}
	encode := func(id, secret string) string { return url.QueryEscape(id) + ":" + url.QueryEscape(secret) }
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct {
		name, header string
		want         int
	}{
		{"plain", "Basic " + b64("plain:secret"), 200},
		{"encoded", "Basic " + b64(encode("plus", "a+b c%20d%zz")), 200},
		{"not encoded, with + and %", "Basic " + b64("plus:a+b c%20d%zz"), 200},
		{"a colon in the id, encoded", "Basic " + b64(encode("co:lon", "x:y")), 200},
		{"a colon in the id, not encoded", "Basic " + b64("co:lon:x:y"), 401},
		{"not ASCII, encoded", "Basic " + b64(encode("ümlaut", "schlüssel")), 200},
		{"not ASCII, not encoded", "Basic " + b64("ümlaut:schlüssel"), 200},
		{"a URL, encoded", "Basic " + b64(encode("https://app.example/", "s")), 200},
		{"BASIC", "BASIC " + b64("plain:secret"), 200},
		{"several spaces", "Basic   " + b64("plain:secret"), 200},
		{"encoded twice", "Basic " + b64(encode("plus", url.QueryEscape("a+b c%20d%zz"))), 401},
		{"no colon", "Basic " + b64("plain"), 401},
		{"no id", "Basic " + b64(":secret"), 401},
		{"no base64", "Basic plain:secret", 401},
		{"no value", "Basic", 401},
		{"not UTF-8", "Basic " + b64("plain:\xff"), 401},
		{"NUL", "Basic " + b64("plain:secret\x00"), 401},
		{"encoded NUL", "Basic " + b64("plain:secret%00"), 401},
	} {
		if w := i.send("/oauth2/token", tt.header, "grant_type=client_credentials"); w.Code != tt.want {
			t.Errorf("%s: status %d, want %d: %s", tt.name, w.Code, tt.want, w.Body)
		}
	}
}

func TestSecretsOverlapAndExpire(t *testing.T) {
	i := newIssuer(t)
	now := time.Now()
	old, older := sum("old"), sum("older")
	old.Expires, older.Expires = now.Add(time.Hour), now.Add(-time.Second)
	i.addClient(t, "rotated", sum("new"), old, older)
	i.addClient(t, "lapsed", older)
	for _, tt := range []struct {
		id, secret string
		want       int
	}{{"rotated", "new", 200}, {"rotated", "old", 200}, {"rotated", "older", 401}, {"rotated", "", 401}, {"lapsed", "older", 401}} {
		for _, method := range []string{"basic", "post"} {
			parameters := []string{"grant_type=client_credentials"}
			authorization := basic(tt.id, tt.secret)
			if method == "post" {
				authorization, parameters = "", append(parameters, "client_id="+tt.id, "client_secret="+tt.secret)
			}
			if w := i.send("/oauth2/token", authorization, parameters...); w.Code != tt.want {
				t.Errorf("%s/%s by %s: status %d, want %d", tt.id, tt.secret, method, w.Code, tt.want)
			}
		}
	}
	// A client whose secrets have all lapsed does not become a public one.
	if w := i.send("/oauth2/token", "", "grant_type=client_credentials", "client_id=lapsed"); w.Code != http.StatusUnauthorized {
		t.Errorf("without a secret: status %d", w.Code)
	}
}

// Imported secrets are checked a few at a time. A crowd may be told to come
// again; nobody in it is called a wrong client.
func TestImportedSecretsInACrowd(t *testing.T) {
	i := newIssuer(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("imported"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	i.addClient(t, "old", storage.SecretHash{Hash: string(hash)})
	if w := i.send("/oauth2/token", basic("old", "wrong"), "grant_type=client_credentials"); w.Code != http.StatusUnauthorized {
		t.Errorf("a wrong secret: status %d", w.Code)
	}
	codes := make([]int, 16*runtime.GOMAXPROCS(0))
	var crowd sync.WaitGroup
	for n := range codes {
		crowd.Go(func() {
			codes[n] = i.send("/oauth2/token", basic("old", "imported"), "grant_type=client_credentials").Code
		})
	}
	crowd.Wait()
	for _, code := range codes {
		if code != http.StatusOK && code != http.StatusServiceUnavailable {
			t.Errorf("status %d", code)
		}
	}
	if !slices.Contains(codes, http.StatusOK) {
		t.Error("nobody was served")
	}
}
