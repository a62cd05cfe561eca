package dialect_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/cespare/webtest"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// TestTranscripts runs what clients of each dialect send against the mounted
// handler, beside the OAuth endpoints.
func TestTranscripts(t *testing.T) {
	for _, name := range dialect.Names() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, dialect.Config{Dialect: load(t, name)})
			webtest.TestHandler(t, "testdata/"+name+"*.txt", &recorder{next: s.mux})
		})
	}
}

// recorder lets a transcript speak of what changes from run to run: in an
// answer the token, the refresh token and the CSRF token become <token>,
// <refresh> and <csrf>, and in a request these become what the last answer
// that had one said.
type recorder struct {
	next                 http.Handler
	token, refresh, csrf string
}

var (
	tokenText   = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]+`)
	refreshText = regexp.MustCompile(`crt_[\w-]{43}`)
	csrfText    = regexp.MustCompile(`("csrfToken":")([\w-]{22})"`)
)

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	fill := strings.NewReplacer("<token>", r.token, "%3Ctoken%3E", r.token, "<refresh>", r.refresh, "<csrf>", r.csrf)
	if q.Body == nil {
		q.Body = http.NoBody
	}
	body, err := io.ReadAll(q.Body)
	if err != nil {
		panic(err)
	}
	filled := fill.Replace(string(body))
	q.Body, q.ContentLength = io.NopCloser(strings.NewReader(filled)), int64(len(filled))
	for name, values := range q.Header {
		for i, v := range values {
			q.Header[name][i] = fill.Replace(v)
		}
	}
	answer := httptest.NewRecorder()
	r.next.ServeHTTP(answer, q)
	text := answer.Body.Bytes()
	cookie := answer.Header().Get("Set-Cookie")
	for _, said := range [][]byte{text, []byte(cookie)} {
		if m := tokenText.Find(said); m != nil {
			r.token = string(m)
		}
	}
	if m := refreshText.Find(text); m != nil {
		r.refresh = string(m)
	}
	if m := csrfText.FindSubmatch(text); m != nil {
		r.csrf = string(m[2])
	}
	text = tokenText.ReplaceAll(text, []byte("<token>"))
	text = refreshText.ReplaceAll(text, []byte("<refresh>"))
	text = csrfText.ReplaceAll(text, []byte(`$1<csrf>"`))
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	if cookie != "" {
		w.Header().Set("Set-Cookie", tokenText.ReplaceAllString(cookie, "<token>"))
	}
	w.WriteHeader(answer.Code)
	io.Copy(w, bytes.NewReader(text))
}
