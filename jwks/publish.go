package jwks

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A keySet is the published set, encoded.
type keySet struct {
	plain   variant
	gzipped variant // without body unless that is smaller
	age     atomic.Pointer[age]
}

// An age is a Cache-Control header, kept because it seldom changes.
type age struct {
	seconds int
	header  []string
}

// cacheControl is the header that lets caches keep the set for so many seconds.
func (k *keySet) cacheControl(seconds int) []string {
	a := k.age.Load()
	if a == nil || a.seconds != seconds {
		a = &age{seconds, []string{"public, max-age=" + strconv.Itoa(seconds)}}
		k.age.Store(a)
	}
	return a.header
}

// A variant is one encoding of the set, with its headers as net/http has them:
// made once, since a header that is set by name is a new slice each time.
type variant struct {
	body   []byte
	etag   []string
	length []string
}

// The headers that all answers have.
var (
	anyOrigin    = []string{"*"}
	encodings    = []string{"Accept-Encoding"}
	jsonMedia    = []string{"application/json"}
	gzipEncoding = []string{"gzip"}
)

// newKeySet encodes keys, or returns the former set if that is what they are.
func newKeySet(former *snapshot, keys []json.RawMessage) (*keySet, error) {
	body, err := json.Marshal(struct {
		Keys []json.RawMessage `json:"keys"`
	}{keys})
	if err != nil {
		return nil, fmt.Errorf("encode key set: %w", err)
	}
	if former != nil && bytes.Equal(former.set.plain.body, body) {
		return former.set, nil
	}
	var zipped bytes.Buffer
	w, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	w.Write(body) // into memory: cannot fail
	w.Close()
	sum := sha256.Sum256(body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:16])
	set := &keySet{plain: newVariant(body, tag)}
	if zipped.Len() < len(body) {
		set.gzipped = newVariant(zipped.Bytes(), tag+"-gzip")
	}
	return set, nil
}

func newVariant(body []byte, tag string) variant {
	return variant{body, []string{`"` + tag + `"`}, []string{strconv.Itoa(len(body))}}
}

// ServeHTTP publishes the key set, to everybody. It is application/json, not
// the application/jwk-set+json of RFC 7517, because every client accepts the
// former and some only that. Cache-Control never lets a cache keep the set
// beyond the next change that is known, nor beyond the moment when a key that
// this replica has not heard of might sign.
func (r *Ring) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the key set is read with GET", http.StatusMethodNotAllowed)
		return
	}
	s, now := r.current(req.Context())
	h := w.Header()
	h["Access-Control-Allow-Origin"] = anyOrigin
	h["Cache-Control"] = s.set.cacheControl(r.config.maxAge(s, now))
	h["Vary"] = encodings
	v := s.set.plain
	if s.set.gzipped.body != nil && acceptsGzip(req.Header) {
		v = s.set.gzipped
		h["Content-Encoding"] = gzipEncoding
	}
	h["Etag"] = v.etag
	if s.set.matches(req.Header) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = jsonMedia
	h["Content-Length"] = v.length
	if req.Method == http.MethodGet {
		w.Write(v.body) // the client may have gone
	}
}

// maxAge is for how many seconds a cache may keep what s publishes.
func (c Config) maxAge(s *snapshot, now time.Time) int {
	until := earlier(now.Add(c.MaxAge), s.read.Add(c.freshFor()))
	if next := s.nextChange(now); !next.IsZero() {
		until = earlier(until, next)
	}
	return int(max(until.Sub(now), 0) / time.Second)
}

// matches reports whether If-None-Match names the set in either encoding. The
// comparison is the weak one (RFC 9110, section 13.1.2).
func (k *keySet) matches(h http.Header) bool {
	for _, line := range h["If-None-Match"] {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == "*" || slices.Contains(k.plain.etag, tag) || slices.Contains(k.gzipped.etag, tag) {
				return true
			}
		}
	}
	return false
}

// acceptsGzip reports whether Accept-Encoding names gzip without refusing it.
func acceptsGzip(h http.Header) bool {
	for _, line := range h["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(coding, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
				continue
			}
			weight, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q=")
			q, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
			return !ok || err == nil && q > 0
		}
	}
	return false
}
