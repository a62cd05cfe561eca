package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// KeySource says where the public keys of somebody else are: in a JWK Set, or
// at a URL.
type KeySource struct {
	JWKS string // a JWK Set as JSON
	URL  string // https; asked where JWKS is ""
}

// The bounds of key sets that are fetched.
const (
	maxKeySet      = 64 << 10         // bytes
	maxKeys        = 32               // keys of one set
	keySetTimeout  = 5 * time.Second  // of one fetch
	keySetFresh    = 5 * time.Minute  // until it is fetched again
	keySetUsable   = time.Hour        // while it cannot be fetched
	keySetPatience = 10 * time.Second // between two fetches for the sake of an unknown kid, or after a failure
	maxKeySets     = 1000
)

// keySets remembers the key sets of others.
type keySets struct {
	client *http.Client
	one    singleflight.Group

	mu      sync.Mutex
	fetched map[string]*keySet // by URL
	parsed  map[string]*keySet // by text
}

// keySet is one set as it was read last.
type keySet struct {
	keys  []jose.JSONWebKey
	read  time.Time // of keys; zero: never
	asked time.Time // when it was last tried
	err   error     // of that try
}

func newKeySets(client *http.Client) *keySets {
	if client == nil {
		client = new(http.Client)
	}
	bounded := *client
	bounded.Timeout = keySetTimeout
	bounded.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("a redirect is not followed") }
	return &keySets{client: &bounded, fetched: map[string]*keySet{}, parsed: map[string]*keySet{}}
}

// find returns the keys of a source that may be the one of kid: those that
// bear it, or where kid is "" all. Its error is an *Error if the keys cannot be
// had at the moment.
func (s *keySets) find(ctx context.Context, source KeySource, kid string) ([]jose.JSONWebKey, error) {
	if source.JWKS != "" {
		set, err := s.parse(source.JWKS)
		if err != nil {
			return nil, internal(err)
		}
		return set.matching(kid), nil
	}
	if source.URL == "" {
		return nil, errors.New("no keys of its issuer are configured")
	}
	now := time.Now()
	set := s.known(source.URL)
	if keys := set.matching(kid); len(keys) > 0 && now.Sub(set.read) < keySetFresh {
		return keys, nil
	}
	if now.Sub(set.asked) >= keySetPatience {
		set = s.fetch(ctx, source.URL)
	}
	keys := set.matching(kid)
	if now.Sub(set.read) < keySetUsable && (len(keys) > 0 || set.err == nil) {
		return keys, nil
	}
	return nil, unavailable(fmt.Errorf("fetch key set: %w", sdk.Unavailable(set.err)))
}

func (s *keySet) matching(kid string) []jose.JSONWebKey {
	if kid == "" {
		return s.keys
	}
	var keys []jose.JSONWebKey
	for _, k := range s.keys {
		if k.KeyID == kid {
			keys = append(keys, k)
		}
	}
	return keys
}

func (s *keySets) parse(text string) (*keySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.parsed[text]; ok {
		return set, nil
	}
	keys, err := ParseKeySet([]byte(text))
	if err != nil {
		return nil, err
	}
	set := &keySet{keys: keys}
	keep(s.parsed, text, set)
	return set, nil
}

func (s *keySets) known(url string) *keySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.fetched[url]; ok {
		return set
	}
	return new(keySet)
}

// fetch asks for a set, once for all who want it at the same time. A set that
// cannot be had leaves the former keys in place.
func (s *keySets) fetch(ctx context.Context, url string) *keySet {
	v, _, _ := s.one.Do(url, func() (any, error) {
		keys, err := s.get(context.WithoutCancel(ctx), url)
		now := time.Now()
		set := &keySet{keys: keys, read: now, asked: now}
		if err != nil {
			former := s.known(url)
			set = &keySet{keys: former.keys, read: former.read, asked: now, err: err}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		keep(s.fetched, url, set)
		return set, nil
	})
	return v.(*keySet)
}

func (s *keySets) get(ctx context.Context, url string) ([]jose.JSONWebKey, error) {
	if err := CheckKeySetURL(url); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || strings.HasPrefix(media, "text/html") {
		return nil, fmt.Errorf("the answer is %s of type %q", resp.Status, media)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	return ParseKeySet(text)
}

// CheckKeySetURL reports whether key sets may be fetched from a URL.
func CheckKeySetURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("not an https URL without user and fragment")
	}
	return nil
}

// ParseKeySet reads the public keys of a JWK Set (RFC 7517). Keys of a kind
// that is not known are left out (section 5), and so are those for encryption;
// a private key or a secret is an error.
func ParseKeySet(text []byte) ([]jose.JSONWebKey, error) {
	if len(text) > maxKeySet {
		return nil, errors.New("parse key set: it is larger than 64 KiB")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) > maxKeys {
		return nil, errors.New("parse key set: not a JWK Set of at most 32 keys")
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil || k.Use == "enc" {
			continue
		}
		if !k.IsPublic() {
			return nil, errors.New("parse key set: it holds a private key or a secret")
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("parse key set: no key for signatures in it")
	}
	return keys, nil
}

// keep puts a set into a map that is bounded.
func keep(m map[string]*keySet, name string, set *keySet) {
	if _, ok := m[name]; !ok && len(m) >= maxKeySets {
		clear(m)
	}
	m[name] = set
}
