package apikey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/internal/clienttls"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// What is read of a service's answer, and what it may ask for.
const (
	maxAnswer     = 64 << 10       // bytes of a body
	maxHeader     = 16 << 10       // bytes of a header
	maxRetryAfter = 24 * time.Hour // as sdk has it
)

// question is what a service is asked: one of the two.
type question struct {
	APIKey string `json:"api_key,omitempty"`
	Lookup string `json:"lookup,omitempty"` // a key's ID, or the subject or user name of an owner
}

// service is the source of keys that an operator's web service knows. It is
// asked with POST, never by a GET whose URL ends in logs.
type service struct {
	url         string
	credential  string // for Authorization; "" for none
	client      *http.Client
	timeout     time.Duration
	remembered  *verdicts
	unspeakable []string // what no error may hold
}

func newService(c Config) (source, error) {
	security, err := clienttls.Files{CA: c.CA, Certificate: c.ClientCertificate, Key: c.ClientKey}.Load()
	if err != nil {
		return nil, err
	}
	conns := cmp.Or(c.MaxConns, 16)
	s := &service{
		url:     c.VerifyURL,
		timeout: cmp.Or(time.Duration(c.Timeout), 3*time.Second),
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext,
				TLSClientConfig:        security,
				ForceAttemptHTTP2:      true,
				HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
				MaxConnsPerHost:        conns,
				MaxIdleConnsPerHost:    conns,
				IdleConnTimeout:        90 * time.Second,
				MaxResponseHeaderBytes: maxHeader,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	switch {
	case c.BearerToken != "":
		s.credential = "Bearer " + c.BearerToken.Reveal()
	case c.Username != "":
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(c.Username, c.Password.Reveal())
		s.credential = r.Header.Get("Authorization")
	}
	_, encoded, _ := strings.Cut(s.credential, " ")
	s.unspeakable = []string{encoded, c.Password.Reveal()}
	s.remembered = newVerdicts(c, s.verify)
	return s, nil
}

// check returns what the service says, or said a moment ago. A key that is not
// UTF-8 cannot be written in JSON, and is nobody's.
func (s *service) check(ctx context.Context, text string) (*Record, error) {
	if !utf8.ValidString(text) {
		return nil, sdk.ErrUnknown
	}
	return s.remembered.find(ctx, text)
}

func (s *service) verify(ctx context.Context, text string) (*Record, error) {
	return s.ask(ctx, question{APIKey: text})
}

func (s *service) withID(ctx context.Context, id string) (*Record, error) {
	found, err := s.ask(ctx, question{Lookup: id})
	if err == nil && found.ID != id {
		return nil, sdk.ErrUnknown // the service took it for a name
	}
	return found, err
}

func (s *service) named(ctx context.Context, name string) (*Record, error) {
	return s.ask(ctx, question{Lookup: name})
}

func (s *service) used(*Record, time.Time) {}

func (s *service) close() error {
	s.client.CloseIdleConnections()
	return nil
}

// ask asks the service once.
func (s *service) ask(ctx context.Context, q question) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	body, err := json.Marshal(q)
	if err != nil {
		return nil, sdk.Unavailable(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return nil, s.unavailable(err, 0)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "claimsmith")
	if s.credential != "" {
		r.Header.Set("Authorization", s.credential)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, s.unavailable(err, 0, q.APIKey)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, s.unavailable(err, 0, q.APIKey)
	case len(text) > maxAnswer:
		return nil, s.unavailable(fmt.Errorf("its answer is longer than %d bytes", maxAnswer), 0)
	}
	found, err := judge(resp.StatusCode, resp.Header, text)
	if err == nil || errors.Is(err, sdk.ErrUnknown) || errors.Is(err, sdk.ErrDenied) {
		return found, err
	}
	return nil, s.unavailable(err, retryAfter(resp.Header, time.Now()), q.APIKey)
}

// unavailable is the error of a question that got no answer, without our
// credential, the key, or the URL, which may hold what is nobody's business.
func (s *service) unavailable(err error, after time.Duration, secrets ...string) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	text := err.Error()
	for _, secret := range append(secrets, s.unspeakable...) {
		if len(secret) > 3 { // a shorter one is found in every other word
			text = strings.ReplaceAll(text, secret, "[redacted]")
		}
	}
	return &sdk.UnavailableError{Err: fmt.Errorf("ask the service at verify_url: %s", text), RetryAfter: after}
}

// retryAfter reads a header Retry-After, in seconds or as a date (RFC 9110,
// section 10.2.3); 0 where there is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
