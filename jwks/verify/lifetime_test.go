package verify

import (
	"net/http"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, test := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 5 * time.Minute},
		{http.Header{"Cache-Control": {"public, max-age=60"}}, time.Minute},
		{http.Header{"Cache-Control": {"Max-Age=\"60\""}, "Age": {"20"}}, 40 * time.Second},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"90"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60", "no-cache"}}, 0},
		{http.Header{"Cache-Control": {"no-store"}}, 0},
		{http.Header{"Cache-Control": {"max-age=soon"}}, 5 * time.Minute},
		{http.Header{"Cache-Control": {"max-age=60"}, "Expires": {at(time.Hour)}}, time.Minute},
		{http.Header{"Expires": {at(time.Hour)}, "Date": {at(time.Minute)}}, 59 * time.Minute},
		{http.Header{"Expires": {at(time.Hour)}}, time.Hour},
		{http.Header{"Expires": {at(-time.Hour)}}, 0},
		{http.Header{"Cache-Control": {"max-age=999999999"}}, 24 * time.Hour},
	} {
		if got := lifetime(test.header, now); got != test.want {
			t.Errorf("%v: %s, want %s", test.header, got, test.want)
		}
	}
}

func FuzzLifetime(f *testing.F) {
	f.Add("public, max-age=60", "3", "Tue, 01 Jan 2030 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, control, age, expires string) {
		h := http.Header{"Cache-Control": {control}, "Age": {age}, "Expires": {expires}}
		if d := lifetime(h, time.Now()); d < 0 || d > maxLifetime {
			t.Errorf("%v: %s", h, d)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"a"},{"kty":"OKP","crv":"Ed25519","kid":"b","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if err != nil {
			return
		}
		for kid, of := range keys {
			for _, k := range of {
				if kid == "" || k.KID != kid || k.Public == nil || k.Use != "" && k.Use != "sig" {
					t.Errorf("%q: %+v", kid, k)
				}
			}
		}
	})
}
