package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// maxDocument bounds what is read of the issuer, in bytes.
const maxDocument = 1 << 20

// fetch asks the issuer for its keys. It goes on when the caller gives up, since
// others wait for it as well.
func (s *source) fetch(ctx context.Context, old *known) (*known, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	next := &known{url: old.url}
	if next.url == "" || old.fails > 0 && s.config.JWKS == "" {
		var err error
		if next.url, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	etag := ""
	if next.url == old.url {
		etag = old.etag
	}
	asked := time.Now()
	resp, body, err := s.get(ctx, next.url, etag)
	if err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	next.fetched = asked
	next.until = asked.Add(lifetime(resp.Header, asked))
	if resp.StatusCode == http.StatusNotModified {
		next.keys, next.etag = old.keys, old.etag
		return next, nil
	}
	if next.keys, err = parseKeys(body); err != nil {
		return nil, fmt.Errorf("read keys of %s: %w", next.url, err)
	}
	next.etag = resp.Header.Get("Etag")
	return next, nil
}

// discover returns what the issuer's metadata says of where its keys are.
func (s *source) discover(ctx context.Context) (string, error) {
	issuer, err := url.Parse(s.config.Issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(issuer.Path, "/")
	at := func(path string) string { u := *issuer; u.Path = path; return u.String() }
	_, body, err := s.get(ctx, at("/.well-known/oauth-authorization-server"+path), "")
	if status, ok := errors.AsType[statusError](err); ok && status.code == http.StatusNotFound {
		_, body, err = s.get(ctx, at(path+"/.well-known/openid-configuration"), "")
	}
	if err != nil {
		return "", fmt.Errorf("fetch metadata: %w", err)
	}
	var metadata struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(body, &metadata); err != nil {
		return "", fmt.Errorf("read metadata: %w", err)
	}
	if metadata.Issuer != s.config.Issuer {
		return "", fmt.Errorf("read metadata: it is of the issuer %q, want %q", metadata.Issuer, s.config.Issuer)
	}
	keys, err := url.Parse(metadata.JWKS)
	if err != nil || keys.Host == "" || keys.Scheme != "https" && (keys.Scheme != "http" || issuer.Scheme == "https") {
		return "", fmt.Errorf("read metadata: jwks_uri %q is not a URL, or less secure than the issuer's", metadata.JWKS)
	}
	return metadata.JWKS, nil
}

// A statusError is an answer of another status than 200 or 304.
type statusError struct {
	url  string
	code int
}

func (e statusError) Error() string {
	return fmt.Sprintf("GET %s: %d %s", e.url, e.code, http.StatusText(e.code))
}

func (s *source) get(ctx context.Context, url, etag string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", "application/json")
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := s.config.Client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotModified && etag != "" {
		return resp, nil, nil
	}
	if resp.StatusCode != http.StatusOK {
		return nil, nil, statusError{url, resp.StatusCode}
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err == nil && len(body) > maxDocument {
		err = fmt.Errorf("GET %s: more than %d bytes", url, maxDocument)
	}
	return resp, body, err
}

// parseKeys reads a JWK Set. Keys of kinds that are not for signatures, or not
// known, are left out (RFC 7517 section 5), and so are those without a kid.
func parseKeys(body []byte) (map[string][]jwk.Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	if set.Keys == nil {
		return nil, errors.New("not a JWK Set: it has no keys")
	}
	keys := make(map[string][]jwk.Key, len(set.Keys))
	for _, raw := range set.Keys {
		if k, err := jwk.Parse(raw); err == nil && k.KID != "" && (k.Use == "" || k.Use == "sig") {
			keys[k.KID] = append(keys[k.KID], k)
		}
	}
	return keys, nil
}
