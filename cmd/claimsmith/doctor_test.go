package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"

	"github.com/claimsmith/claimsmith/jwks/verify"
)

// examine runs the doctor on a service that is made for its issuer.
func examine(t *testing.T, service func(issuer string) string) (report string, err error) {
	t.Helper()
	listen := freeAddress(t)
	var once sync.Once
	var handler http.Handler
	// The service starts when it is asked first: then its issuer is there.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { handler = proxyTo(service("http://" + listen)) })
		handler.ServeHTTP(w, r)
	}))
	defer front.Close()
	var out bytes.Buffer
	c := newCommand()
	c.SetOut(&out)
	c.SetArgs([]string{"verify", "doctor", front.URL, "--listen", listen, "--audience", apiAudience})
	err = c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestDoctorOfAServiceThatSurvives(t *testing.T) {
	t.Parallel()
	report, err := examine(t, func(issuer string) string {
		v, err := verify.New(verify.Config{Issuer: issuer, Audience: []string{apiAudience}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewServer(v.Handler(http.NotFoundHandler()))
		t.Cleanup(s.Close)
		return s.URL
	})
	if err != nil || strings.Count(report, "ok  ") != len(doctorChecks) || !strings.HasSuffix(report, "\nthe service survives a rotation of keys\n") {
		t.Errorf("%v\n%s", err, report)
	}
}

// The services of examples/ survive. They fetch the keys every five minutes and for
// each kid that they do not know, so they forget a revoked key late: the doctor
// says so.
func TestDoctorOfTheExamples(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T, string) string{
		"relying-go":   startRelyingGo,
		"relying-node": func(t *testing.T, issuer string) string { return startRelyingNode(t, issuer) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, err := examine(t, func(issuer string) string { return start(t, issuer) })
			if err != nil || strings.Count(report, "ok  ") != len(doctorChecks)-1 || !strings.Contains(report, "warn  forgets a revoked key") {
				t.Errorf("%v\n%s", err, report)
			}
		})
	}
}

func proxyTo(service string) http.Handler {
	u, err := url.Parse(service)
	if err != nil {
		return http.NotFoundHandler()
	}
	return httputil.NewSingleHostReverseProxy(u)
}

// startStubborn starts a service that fetches the keys once.
func startStubborn(t *testing.T, issuer string) string {
	var keys jose.JSONWebKeySet
	if err := getJSON(issuer+"/.well-known/jwks.json", &keys); err != nil {
		t.Error(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		_, err := jwt.Parse(token, func(t *jwt.Token) (any, error) {
			kid, _ := t.Header["kid"].(string)
			if found := keys.Key(kid); len(found) == 1 {
				return found[0].Key, nil
			}
			return nil, jwt.ErrTokenUnverifiable
		}, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(issuer), jwt.WithAudience(apiAudience), jwt.WithExpirationRequired())
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// The service fetches the keys once, and does not look at typ.
func TestDoctorOfAServiceThatFails(t *testing.T) {
	t.Parallel()
	report, err := examine(t, func(issuer string) string {
		return startStubborn(t, issuer)
	})
	if err == nil || err.Error() != "the service fails 2 checks" {
		t.Errorf("the doctor found %v", err)
	}
	for _, want := range []string{
		"FAIL  refuses what is no valid token: it accepts one that is no access token\n      check signature",
		"FAIL  survives a rotation: it rejects a token of a key that was published 2.5s before, with max-age 1s\n      fetch the key set again",
		"ok    survives an outage",
		"warn  learns of a key that was not announced: ",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("the report lacks %q:\n%s", want, report)
		}
	}
}
