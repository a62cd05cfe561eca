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
	s.trouble(s.postgres.Restart, "immediate")
	s.upgrade()
	if long() {
		s.everything(time.Second)
	}
	warm := s.count("warm")
	if long() {
		s.minutes(20)
	} else {
		s.everything(300 * time.Millisecond)
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

// minutes restarts the database every minute, and does something else meanwhile.
func (s *soak) minutes(n int) {
	steps := s.steps(12 * time.Second)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for i := range n {
		s.trouble(s.postgres.Restart, []string{"immediate", "fast"}[i%2])
		for k := range 2 {
			steps[(2*i+k)%len(steps)]()
		}
		if s.Failed() {
			return
		}
		<-tick.C
	}
}

// everything does each thing once.
func (s *soak) everything(d time.Duration) {
	s.trouble(s.postgres.Restart, "fast")
	for _, step := range s.steps(d) {
		step()
	}
}

// steps are what happens but for restarts; what hangs does so for a time.
func (s *soak) steps(d time.Duration) []func() {
	return []func(){
		s.reload,
		func() { s.hang(d) },
		s.kill,
		func() { s.freeze(d) },
		s.upgrade,
		func() { s.cut(d) },
		s.rotate,
	}
}

// trouble does something and waits until every caller has had a good answer that was
// asked for afterwards.
func (s *soak) trouble(do func(string), what string) {
	s.Helper()
	began, refused := time.Now(), s.refused.Load()
	do(what)
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
				s.Fatalf("%s gets no good answer after %s", c.name, what)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	s.Logf("%-28s took %6.2fs, and until all were served again %6.2fs; %d refused",
		what, ended.Sub(began).Seconds(), time.Since(ended).Seconds(), s.refused.Load()-refused)
}

func (s *soak) hang(d time.Duration) {
	s.trouble(func(string) { s.line.Mute(); time.Sleep(d); s.line.Mend() }, "what the database says is lost")
}

func (s *soak) freeze(d time.Duration) {
	s.trouble(func(string) { s.line.Freeze(); time.Sleep(d); s.line.Mend() }, "frozen line")
}

func (s *soak) cut(d time.Duration) {
	s.trouble(func(string) { s.line.Cut(); time.Sleep(d); s.line.Mend() }, "cut line")
}

func (s *soak) upgrade() {
	s.trouble(func(string) { claimsmith(s, s.dir, "plugin", "upgrade", "people", "--config", "claimsmith.yaml") }, "plugin upgrade")
}

func (s *soak) rotate() {
	s.trouble(func(string) { claimsmith(s, s.dir, "keys", "rotate", "--config", "claimsmith.yaml") }, "keys rotate")
}

// reload changes the claims, told by SIGHUP, and a plugin, told by the command.
func (s *soak) reload() {
	s.trouble(func(string) {
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
	}, "reloads")
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
	s.trouble(func(string) {
		s.dead.Store(true)
		s.kills.Add(1)
		s.dies.kill()
		address := strings.TrimPrefix(s.urls[1], "http://")
		s.dies = start(s, s.dir, address)
		s.dead.Store(false)
	}, "kill -9 of a replica")
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
