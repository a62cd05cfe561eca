package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/jwks/verify"
)

// soaked is the configuration of the soak but for its site: pools so small that a
// connection that is lost would be missed, keys that change, a dialect, and no end
// to guessing.
const soaked = `
    access_token: {lifetime: 10m}
    keys: {rotate_every: 2m, announce: 1m, jwks_max_age: 5s, skew: 1s, retain: 30m}
    dialects: [{dialect: servicemobility, client: portal, algorithm: ES256, lifetime: 10m}]
    claims: {version: 1}
throttle: {person: {failures: 1000000}, address: {failures: 1000000}, client: {failures: 1000000}}
log: {level: error}
`

// soakConns bounds each pool: of two servers, and of two plugins of each.
const soakConns = 6

// soak is two replicas on one PostgreSQL, over a line that breaks, and what is known
// of them.
type soak struct {
	*testing.T
	dir      string
	secrets  struct{ client, password, key string }
	postgres *servertest.Postgres
	line     *servertest.Line
	client   *http.Client
	verifier *verify.Verifier

	stays *program // is reloaded, upgraded and counted
	dies  *program // is killed, and started again
	dead  atomic.Bool
	kills atomic.Int64
	urls  [2]string // of the one that stays and of the one that dies

	rest    sync.RWMutex // held by whoever wants silence
	callers []*caller
	pause   time.Duration // the longest between two steps of a caller
	live    *shelf        // tokens that nobody revokes
	revoked *shelf
	version int // of the claims
	wrongs  atomic.Int64

	asked, good, refused, failedOver atomic.Int64
}

// No answer is wrong while the database restarts, hangs and is cut off, one replica
// is killed, and the other reloads, replaces plugins and rotates keys: a token is
// right, or the answer is 503 and to be asked for again. Nobody loses a session, and
// nothing leaks.
func TestNoAnswerIsWrongWhateverHappens(t *testing.T) {
	s := newSoak(t)
	done := make(chan struct{})
	var group sync.WaitGroup
	for _, c := range s.callers {
		group.Go(func() { c.run(done) })
	}
	// Before it is counted each pool is as full as it gets, and was lost once.
	s.suffer(s.restart("immediate"))
	var warm counted
	if long() {
		for _, t := range s.troubles(time.Second) {
			s.suffer(t)
		}
		warm = s.count("warm")
		s.minutes(20)
	} else {
		warm = s.count("warm")
		s.suffer(s.all(s.troubles(300 * time.Millisecond)))
	}
	end := s.count("end")
	close(done)
	group.Wait()
	s.everySessionLives()
	s.compare(warm, end)
	s.stays.stop()
	s.dies.stop()
	s.Logf("%d requests: %d good, %d refused with 503; %d went to the other replica; %d kills; wrong: %d",
		s.asked.Load(), s.good.Load(), s.refused.Load(), s.failedOver.Load(), s.kills.Load(), s.wrongs.Load())
}

func newSoak(t *testing.T) *soak {
	postgres := servertest.StartPostgreSQL(t)
	s := &soak{T: t, postgres: postgres, line: servertest.NewLine(t, postgres.URL), live: newShelf(), revoked: newShelf()}
	listen := freeAddress(t)
	s.dir = newSite(t, listen, fmt.Sprintf("%q\n  max_connections: %d", s.line.URL, soakConns), soaked)
	for _, plugin := range []string{"apikey", "database"} {
		change(t, s.dir, "{use: "+plugin+"}", fmt.Sprintf("{use: %s, config: {max_conns: %d}}", plugin, soakConns))
	}
	s.secrets = populate(t, s.dir)
	claimsmith(t, s.dir, "user", "add", "mallory", "--config", "claimsmith.yaml")
	s.secrets.key = keyOf(t, s.dir)
	s.version = 1
	s.stays, s.dies = start(t, s.dir, listen), start(t, s.dir, freeAddress(t))
	s.urls = [2]string{s.stays.URL, s.dies.URL}
	s.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	var err error
	s.verifier, err = verify.New(verify.Config{
		Issuer: s.stays.URL, Audience: []string{apiAudience}, Cooldown: 10 * time.Millisecond, Client: s.client, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.pause = 20 * time.Millisecond
	s.addCallers()
	if long() {
		s.pause = 100 * time.Millisecond // it may take long, and leaves room for others
		s.addCallers()
	}
	return s
}

// trouble is something that happens to the replicas.
type trouble struct {
	what string
	do   func()
}

// troubles are all but restarts of the database; what does not answer does so for a
// time.
func (s *soak) troubles(d time.Duration) []trouble {
	operate := func(args ...string) func() {
		return func() { claimsmith(s, s.dir, append(args, "--config", "claimsmith.yaml")...) }
	}
	return []trouble{
		{"reload", s.reload},
		{"answers of the database are lost", func() { s.line.Mute(); time.Sleep(d); s.line.Mend() }},
		{"kill -9 of a replica", s.kill},
		{"line is frozen", func() { s.line.Freeze(); time.Sleep(d); s.line.Mend() }},
		{"plugin upgrade", operate("plugin", "upgrade", "people")},
		{"line is cut", func() { s.line.Cut(); time.Sleep(d); s.line.Mend() }},
		{"keys rotate", operate("keys", "rotate")},
	}
}

func (s *soak) restart(mode string) trouble {
	return trouble{mode + " restart of PostgreSQL", func() { s.postgres.Restart(mode) }}
}

// all is one trouble after the other, while the replicas suffer from those before.
func (s *soak) all(troubles []trouble) trouble {
	return trouble{"all of it", func() {
		for _, t := range append(troubles, s.restart("fast")) {
			t.do()
		}
	}}
}

// minutes restarts the database every minute, with two other troubles in between.
func (s *soak) minutes(n int) {
	troubles := s.troubles(12 * time.Second)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for i := range n {
		s.suffer(s.restart([]string{"immediate", "fast"}[i%2]))
		for k := range 2 {
			s.suffer(troubles[(2*i+k)%len(troubles)])
		}
		if s.Failed() {
			return
		}
		<-tick.C
	}
}

// suffer lets something happen and waits until every caller has had a good answer
// that was asked for afterwards.
func (s *soak) suffer(t trouble) {
	s.Helper()
	began, refused := time.Now(), s.refused.Load()
	t.do()
	ended := time.Now()
	before := make([]int64, len(s.callers))
	for i, c := range s.callers {
		before[i] = c.begun.Load()
	}
	deadline := time.After(patience)
	for i, c := range s.callers {
		for c.last.Load() <= before[i] && !s.Failed() {
			select {
			case <-deadline:
				s.Fatalf("%s gets no good answer after %s", c.name, t.what)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	s.Logf("%-32s took %5.1fs, and until all were served again %5.1fs; %d refused",
		t.what, ended.Sub(began).Seconds(), time.Since(ended).Seconds(), s.refused.Load()-refused)
}

// reload changes the claims, told by SIGHUP, and a plugin, told by the command.
func (s *soak) reload() {
	before, next := fmt.Sprintf("{version: %d}", s.version), fmt.Sprintf("{version: %d}", s.version+1)
	s.version++
	change(s, s.dir, before, next)
	if err := s.stays.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.Fatal(err)
	}
	s.stays.await("the reload", func() bool { return s.claim("version") == float64(s.version) })
	for _, timeout := range []string{"", " timeout: 6s,"} {
		other := map[string]string{"": " timeout: 6s,", " timeout: 6s,": ""}[timeout]
		change(s, s.dir, "{use: database,"+timeout, "{use: database,"+other)
		claimsmith(s, s.dir, "config", "reload", "--config", "claimsmith.yaml")
	}
}

// claim returns a claim of a new token.
func (s *soak) claim(name string) any {
	r := s.stays.token("portal", s.secrets.client, "grant_type=client_credentials")
	token, err := s.verifier.Verify(s.Context(), r.AccessToken)
	if err != nil {
		return err
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return err
	}
	return claims[name]
}

// kill ends one replica as a power cut does, and starts it again.
func (s *soak) kill() {
	s.dead.Store(true)
	s.kills.Add(1)
	s.dies.kill()
	s.dies = start(s, s.dir, strings.TrimPrefix(s.urls[1], "http://"))
	s.dead.Store(false)
}

// everySessionLives refreshes what each caller holds at the end.
func (s *soak) everySessionLives() {
	for _, c := range s.callers {
		if c.refresh == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(s.Context(), patience)
		_, _, err := s.stays.ask(ctx, "portal", s.secrets.client, "grant_type=refresh_token", "refresh_token="+c.refresh)
		cancel()
		if err != nil {
			s.Errorf("%s has lost its session: %v", c.name, err)
		}
	}
}
