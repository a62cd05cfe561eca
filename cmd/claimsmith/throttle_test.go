package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
)

// loginFrom tries a password as a proxy does that speaks for an address.
func (p *program) loginFrom(from, client, secret, name, password string) (status int, retry string) {
	p.t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {password}}
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.URL+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", from)
	r.SetBasicAuth(client, secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

func TestReplicasThrottleTogether(t *testing.T) {
	t.Parallel()
	listen := freeAddress(t)
	dir := newSite(t, listen, servertest.PostgreSQL(t), "trusted_proxies: [127.0.0.0/8]\n")
	secrets := populate(t, dir)
	replicas := []*program{start(t, dir, listen), start(t, dir, freeAddress(t))}
	login := func(i int, from, password string) int {
		status, retry := replicas[i%2].loginFrom(from, "portal", secrets.client, "alice", password)
		if seconds, _ := strconv.Atoi(retry); status == http.StatusTooManyRequests && seconds < 1 {
			t.Errorf("429 with Retry-After %q", retry)
		}
		return status
	}
	if status := login(0, "198.51.100.7", secrets.password); status != http.StatusOK {
		t.Fatalf("alice at home: %d", status)
	}
	looked := 0
	for i := range 20 {
		if login(i, fmt.Sprint("203.0.113.", i), "wrong") == http.StatusBadRequest {
			looked++
		}
	}
	if looked < 5 || looked > 6 {
		t.Errorf("%d guesses were looked at by two replicas, want 5 or 6", looked)
	}
	for i := range 2 {
		if status := login(i, "203.0.113.200", secrets.password); status != http.StatusTooManyRequests {
			t.Errorf("replica %d, an address that nobody knows: %d", i, status)
		}
	}
	replicas[1].await("the other replica to know her home", func() bool { return login(1, "198.51.100.7", secrets.password) == http.StatusOK })
	if status := login(0, "198.51.100.7", secrets.password); status != http.StatusOK {
		t.Errorf("alice at home, during the attack: %d", status)
	}
}

// What a wrong password, an unknown and a disabled person take is compared within
// rounds, one after the other: a machine that gets slower meanwhile does so for all.
func TestFailuresTakeTheSameTimeEndToEnd(t *testing.T) {
	listen := freeAddress(t)
	dir := newSite(t, listen, "", "throttle: {off: true}\n")
	secrets := populate(t, dir)
	claimsmith(t, dir, "user", "add", "bob", "--config", "claimsmith.yaml")
	claimsmith(t, dir, "user", "disable", "bob", "--config", "claimsmith.yaml")
	p := start(t, dir, listen)
	names := []string{"alice", "bob", "nobody"}
	shares := map[string][]float64{} // of what a round takes
	for round := range 36 {
		took := map[string]time.Duration{}
		var all time.Duration
		for i := range names {
			name, began := names[(round+i)%len(names)], time.Now()
			if r := p.token("portal", secrets.client, "grant_type=password", "username="+name, "password=wrong"); r.Status != http.StatusBadRequest {
				t.Fatalf("%+v", r)
			}
			took[name] = time.Since(began)
			all += took[name]
		}
		for name, d := range took {
			if round > 5 {
				shares[name] = append(shares[name], d.Seconds()/all.Seconds())
			}
		}
	}
	for _, series := range shares {
		slices.Sort(series)
	}
	for _, q := range []int{7, 15, 22} {
		nobody := shares["nobody"][q]
		for name, series := range shares {
			if share := series[q]; share < nobody*3/4 || share > nobody*4/3 {
				t.Errorf("%s takes %.3f of a round at place %d of 30, where nobody takes %.3f", name, share, q, nobody)
			}
		}
	}
}
