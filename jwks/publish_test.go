package jwks_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/google/go-cmp/cmp"
)

func get(h http.Handler, header http.Header) *httptest.ResponseRecorder {
	return request(h, "GET", header)
}

func request(h http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "/.well-known/jwks.json", nil)
	maps.Copy(req.Header, header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// Only public members are published: by name, and none but those.
func TestPublishedMembers(t *testing.T) {
	store := new(jwks.MemoryStore)
	r := open(t, jwks.Config{Store: store, Algorithms: jwks.Algorithms()})
	keys, version, err := store.Keys(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	keys = append(keys, jwks.Key{KID: "secret", Algorithm: "HS256", Sealed: []byte("sealed"), Created: time.Now(), Active: time.Now()})
	if err := store.UpdateKeys(t.Context(), issuer, version, keys); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var set map[string][]map[string]any
	if err := json.Unmarshal(get(r, nil).Body.Bytes(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set) != 1 || len(set["keys"]) != 2*len(jwks.Algorithms()) {
		t.Fatalf("the set has the members %v and %d keys", slices.Sorted(maps.Keys(set)), len(set["keys"]))
	}
	want := map[string]string{"RSA": "alg e kid kty n use", "EC": "alg crv kid kty use x y", "OKP": "alg crv kid kty use x"}
	for _, k := range set["keys"] {
		if got := strings.Join(slices.Sorted(maps.Keys(k)), " "); got != want[fmt.Sprint(k["kty"])] {
			t.Errorf("a key of kty %v has the members %s", k["kty"], got)
		}
		if k["use"] != "sig" {
			t.Errorf("use is %v", k["use"])
		}
	}
	if rows, _, _ := store.Keys(t.Context(), issuer); len(rows) != 2*len(jwks.Algorithms())+1 {
		t.Error("a row of another kind was not kept")
	}
}

func TestPublishing(t *testing.T) {
	r := open(t, jwks.Config{Algorithms: []string{"ES256", "EdDSA", "RS256"}})
	plain := get(r, nil)
	etag := plain.Header().Get("Etag")
	zipped := get(r, http.Header{"Accept-Encoding": {"gzip"}})
	zippedTag := zipped.Header().Get("Etag")

	want := http.Header{
		"Access-Control-Allow-Origin": {"*"},
		"Cache-Control":               {"public, max-age=300"},
		"Content-Length":              {fmt.Sprint(plain.Body.Len())},
		"Content-Type":                {"application/json"},
		"Etag":                        {etag},
		"Vary":                        {"Accept-Encoding"},
	}
	if diff := cmp.Diff(want, plain.Header()); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(zipped.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(unzipped); err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
		t.Errorf("gzip: %v, or another set", err)
	}
	if etag == zippedTag || zipped.Body.Len() >= plain.Body.Len() {
		t.Error("the gzipped set has the plain one's tag, or is no smaller")
	}

	for _, test := range []struct {
		name, method string
		header       http.Header
		status       int
		length       int
		encoding     string
	}{
		{"plain", "GET", nil, 200, plain.Body.Len(), ""},
		{"head", "HEAD", nil, 200, 0, ""},
		{"gzip among others", "GET", http.Header{"Accept-Encoding": {"br, GZIP;q=0.5"}}, 200, zipped.Body.Len(), "gzip"},
		{"gzip refused", "GET", http.Header{"Accept-Encoding": {"gzip;q=0, *"}}, 200, plain.Body.Len(), ""},
		{"gzip refused at length", "GET", http.Header{"Accept-Encoding": {"gzip; q=0.000"}}, 200, plain.Body.Len(), ""},
		{"gzip by another name", "GET", http.Header{"Accept-Encoding": {"gzipped"}}, 200, plain.Body.Len(), ""},
		{"same tag", "GET", http.Header{"If-None-Match": {etag}}, 304, 0, ""},
		{"same tag, head", "HEAD", http.Header{"If-None-Match": {etag}}, 304, 0, ""},
		{"weak tag", "GET", http.Header{"If-None-Match": {"W/" + etag}}, 304, 0, ""},
		{"tag in a list", "GET", http.Header{"If-None-Match": {`"a" , W/"b",` + etag}}, 304, 0, ""},
		{"tag in a second line", "GET", http.Header{"If-None-Match": {`"a"`, etag}}, 304, 0, ""},
		{"tag of the other encoding", "GET", http.Header{"If-None-Match": {zippedTag}}, 304, 0, ""},
		{"any", "GET", http.Header{"If-None-Match": {"*"}}, 304, 0, ""},
		{"other tag", "GET", http.Header{"If-None-Match": {`"a"`}}, 200, plain.Body.Len(), ""},
		{"tag without quotes", "GET", http.Header{"If-None-Match": {strings.Trim(etag, `"`)}}, 200, plain.Body.Len(), ""},
		{"empty tag", "GET", http.Header{"If-None-Match": {""}}, 200, plain.Body.Len(), ""},
	} {
		w := request(r, test.method, test.header)
		if w.Code != test.status || w.Body.Len() != test.length || w.Header().Get("Content-Encoding") != test.encoding {
			t.Errorf("%s: %d, %d bytes, encoding %q", test.name, w.Code, w.Body.Len(), w.Header().Get("Content-Encoding"))
		}
		if w.Header().Get("Etag") == "" || w.Header().Get("Cache-Control") == "" {
			t.Errorf("%s: no Etag or Cache-Control", test.name)
		}
	}
	w := request(r, "POST", nil)
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestCacheControlNeverReachesPastTheNextChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := open(t, hourly(nil))
		run(t, r)
		for _, step := range []struct {
			after  time.Duration
			maxAge int // seconds
		}{
			{0, 3600},
			{7 * time.Hour, 3600},
			{7*time.Hour + 30*time.Minute, 1800},
			{8*time.Hour - 1500*time.Millisecond, 1},
			{8*time.Hour - time.Millisecond, 0},
			{8 * time.Hour, 3600},                // the successor is announced
			{10*time.Hour - time.Minute, 3600},   // to become active changes nothing that is published
			{14*time.Hour + 59*time.Minute, 60},  // the first key will be gone
			{15*time.Hour + time.Second/2, 3600}, // it is
		} {
			to(start, step.after)
			if got, want := get(r, nil).Header().Get("Cache-Control"), fmt.Sprintf("public, max-age=%d", step.maxAge); got != want {
				t.Errorf("after %s: %s, want %s", step.after, got, want)
			}
		}
	})
}

// A key that this replica has not heard of may sign Announce after the last
// read, by a clock that is ahead by Skew.
func TestCacheControlShrinksWithoutTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, store := time.Now(), &flakyStore{Store: new(jwks.MemoryStore)}
		r := open(t, hourly(store))
		run(t, r)
		store.down.Store(true)
		for _, step := range []struct {
			after  time.Duration
			maxAge int
		}{
			{59 * time.Minute, 3600},
			{90 * time.Minute, 29 * 60},
			{2 * time.Hour, 0},
		} {
			to(start, step.after)
			if got, want := get(r, nil).Header().Get("Cache-Control"), fmt.Sprintf("public, max-age=%d", step.maxAge); got != want {
				t.Errorf("after %s: %s, want %s", step.after, got, want)
			}
		}
	})
}

func TestEtagChangesWithTheSetOnly(t *testing.T) {
	store := new(jwks.MemoryStore)
	a, b := open(t, jwks.Config{Store: store}), open(t, jwks.Config{Store: store})
	before := get(a, nil).Header().Get("Etag")
	if before != get(b, nil).Header().Get("Etag") {
		t.Error("replicas publish one set under two tags")
	}
	if _, err := a.Rotate(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if before == get(a, nil).Header().Get("Etag") {
		t.Error("a new key has the old tag")
	}
}

func FuzzServeHTTP(f *testing.F) {
	r := open(f, jwks.Config{})
	f.Add(`W/"a", *`, "gzip;q=1, br")
	f.Add(`"`, "gzip;q=x;;")
	want := get(r, nil).Body.Bytes()
	f.Fuzz(func(t *testing.T, match, accept string) {
		w := get(r, http.Header{"If-None-Match": {match}, "Accept-Encoding": {accept}})
		switch {
		case w.Code == 304 && w.Body.Len() == 0:
		case w.Code == 200 && w.Header().Get("Content-Encoding") == "" && bytes.Equal(w.Body.Bytes(), want):
		case w.Code == 200 && strings.Contains(strings.ToLower(accept), "gzip"):
		default:
			t.Errorf("%d with %d bytes", w.Code, w.Body.Len())
		}
	})
}
