package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/claimsmith/claimsmith/jwks"
)

// How the keys of the doctor's issuer live.
const (
	doctorMaxAge   = time.Second
	doctorAnnounce = 2500 * time.Millisecond
)

// A doctor is an issuer with keys in memory, and who calls a service with its
// tokens.
type doctor struct {
	ring                      *jwks.Ring
	service, issuer, audience string
	down                      atomic.Bool  // the issuer answers nothing
	refused                   atomic.Int32 // requests to it while it was down
	fetches                   atomic.Int32 // of its key set
	client                    *http.Client
}

func newDoctor(ctx context.Context, service, issuer, audience string) (*doctor, error) {
	if u, err := url.Parse(service); err != nil || u.Host == "" {
		return nil, fmt.Errorf("the service %q is not a URL", service)
	}
	master := make([]byte, 32)
	rand.Read(master)
	sealer, err := jwks.NewSealer(map[string][]byte{"doctor": master}, "doctor")
	if err != nil {
		return nil, err
	}
	ring, err := jwks.Open(ctx, jwks.Config{
		Issuer: issuer, Store: new(jwks.MemoryStore), Sealer: sealer, Log: slog.New(slog.DiscardHandler),
		RotateEvery: time.Hour, Announce: doctorAnnounce, MaxAge: doctorMaxAge,
		Retain: 10 * time.Minute, Skew: 100 * time.Millisecond, Poll: 100 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return &doctor{ring: ring, service: service, issuer: issuer, audience: audience, client: &http.Client{Timeout: 10 * time.Second}}, nil
}

// handler is the issuer: metadata and the key set.
func (d *doctor) handler() http.Handler {
	path := ""
	if u, err := url.Parse(d.issuer); err == nil {
		path = strings.TrimSuffix(u.Path, "/")
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path+"/.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		d.fetches.Add(1)
		d.ring.ServeHTTP(w, r)
	})
	metadata := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"issuer": d.issuer, "jwks_uri": d.issuer + "/.well-known/jwks.json"})
	}
	mux.HandleFunc("/.well-known/oauth-authorization-server"+path, metadata)
	mux.HandleFunc(path+"/.well-known/openid-configuration", metadata)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.down.Load() {
			d.refused.Add(1)
			http.Error(w, "the doctor plays an outage", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// token returns a good token but for the changes.
func (d *doctor) token(ctx context.Context, typ string, changes map[string]any) (string, error) {
	now := time.Now()
	claims := map[string]any{
		"iss": d.issuer, "sub": "doctor", "aud": d.audience, "client_id": "doctor", "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(claims, changes)
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	return d.ring.Sign(ctx, "", typ, payload)
}

// accepts reports whether the service accepts a token.
func (d *doctor) accepts(ctx context.Context, token string) (bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.service, nil)
	if err != nil {
		return false, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := d.client.Do(r)
	if err != nil {
		return false, fmt.Errorf("call the service: %w", err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	s := resp.StatusCode
	return s != http.StatusUnauthorized && s != http.StatusForbidden && s < 500, nil
}

// acceptsWhile reports whether the service accepts a token ten times a second, as long
// as a condition holds.
func (d *doctor) acceptsWhile(ctx context.Context, token string, holds func() bool) (ok bool, err error) {
	for ok = true; ok && err == nil && holds(); {
		if ok, err = d.accepts(ctx, token); ok {
			err = sleepFor(ctx, 100*time.Millisecond)
		}
	}
	return ok, err
}

// acceptsNew is accepts for a good token that is made for it.
func (d *doctor) acceptsNew(ctx context.Context) (bool, error) {
	token, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return false, err
	}
	return d.accepts(ctx, token)
}

// await waits until the service accepts a token.
func (d *doctor) await(ctx context.Context, wait time.Duration) error {
	for end := time.Now().Add(wait); ; {
		ok, err := d.acceptsNew(ctx)
		if ok {
			return nil
		}
		if time.Now().After(end) {
			if err != nil {
				return err
			}
			return fmt.Errorf("the service accepts no token of the issuer, for %s", wait)
		}
		if err := sleepFor(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}
