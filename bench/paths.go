package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
	"github.com/claimsmith/claimsmith/plugins/apikey"
)

const grantAPIKey = "urn:claimsmith:params:oauth:grant-type:api-key"

// timed adds to a side what the processes use meanwhile.
func timed(s side, pids ...int) side {
	return func(d time.Duration) (load.Sample, error) {
		before := rig.CPU(pids...)
		sample, err := s(d)
		sample.CPU = rig.CPU(pids...) - before
		return sample, err
	}
}

// asked loads a target from all connections.
func (b *runner) asked(t load.Target) side {
	if t.Connections == 0 {
		t.Connections = connections
	}
	return func(d time.Duration) (load.Sample, error) { return load.Run(b.ctx, t, d) }
}

// following trades refresh tokens of sessions that are begun before each run.
func (b *runner) following(t load.Target) side {
	t.Connections, t.Follow = connections, true
	return func(d time.Duration) (load.Sample, error) {
		var err error
		if t.Bodies, err = load.RefreshTokens(b.ctx, t, 2*connections, username, password); err != nil {
			return load.Sample{}, err
		}
		return load.Run(b.ctx, t, d)
	}
}

// ours is a side that loads a server, whose log is emptied for each run.
func ours(s *rig.Server, run side) side {
	return timed(func(d time.Duration) (load.Sample, error) {
		s.FreshLog()
		return run(d)
	}, s.PID)
}

// floorSide asks a floor that serves.
func (b *runner) floorSide(name string, bodies ...string) side {
	return timed(b.asked(b.toFloor(name, bodies...)), b.floor(name).PID, b.echo.PID)
}

// alone is a floor that is one step without HTTP.
func (b *runner) alone(name string, callers int) side {
	return func(d time.Duration) (load.Sample, error) { return b.Loop(name, b.floorConfig(), callers, d) }
}

func (b *runner) jwks() (us, floor side, missing string) {
	s := b.server()
	get := load.Target{URL: s.URL + "/compare/.well-known/jwks.json"}
	return ours(s.Server, b.asked(get)), b.floorSide("jwks"), ""
}

var clientCredentials = form("grant_type", "client_credentials")

func (b *runner) token() (us, floor side, missing string) {
	s := b.server()
	return ours(s.Server, b.asked(s.Target("compare", clientCredentials))), b.floorSide("token", clientCredentials), ""
}

func login(password string) string {
	return form("grant_type", "password", "username", username, "password", password, "scope", "read write")
}

func (b *runner) password() (us, floor side, missing string) {
	s := b.server()
	return ours(s.Server, b.asked(s.Target("compare", login(password)))), b.floorSide("login", login(password)), ""
}

func withKey(key string) string { return form("grant_type", grantAPIKey, "api_key", key) }

func (b *runner) apikey() (us, floor side, missing string) {
	s := b.server()
	return ours(s.Server, b.asked(s.Target("keys", withKey(s.key)))), b.floorSide("login", login(password)), ""
}

// keyID is the part of an API key that its row is found by.
func keyID(key string) string {
	k, err := apikey.Parse(key)
	if err != nil {
		panic(err) // the program itself has made it
	}
	return k.ID
}

func (b *runner) ldap() (us, floor side, missing string) {
	s := b.server()
	return ours(s.Server, b.asked(s.Target("directory", login(password)))), b.alone("ldap", connections), ""
}

// ldapInSeries has the floor do what HTTP and the plugin's process cost as well.
func (b *runner) ldapInSeries() (us, floor side, missing string) {
	s := b.server()
	return ours(s.Server, b.asked(s.Target("directory", login(password)))), b.floorSide("directory", login(password)), ""
}

func (b *runner) argon2id() (us, floor side, missing string) {
	s := b.server()
	t := s.Target("people", login(s.person))
	t.Connections = 16 // more would only wait
	return ours(s.Server, b.asked(t)), b.alone("argon2id", 0), ""
}

func (b *runner) refresh() (us, floor side, missing string) {
	s := b.server()
	f := timed(b.following(b.toFloor("refresh")), b.floor("refresh").PID)
	return ours(s.Server, b.following(s.Target("compare"))), f, ""
}

func (b *runner) introspect() (us, floor side, missing string) {
	s := b.server()
	if !s.Has("/compare/oauth2/introspect") {
		return nil, nil, "is not mounted"
	}
	t := s.Target("compare")
	a, err := load.Token(b.ctx, t.URL, t.User, t.Password, url.Values{"grant_type": {"client_credentials"}})
	b.Check(err)
	t.URL, t.Bodies = s.URL+"/compare/oauth2/introspect", []string{form("token", a.AccessToken)}
	return ours(s.Server, b.asked(t)), b.floorSide("token", clientCredentials), ""
}

// dialect compares one login in two spellings; both sides are the server.
func (b *runner) dialect() (us, floor side, missing string) {
	s := b.server()
	if !s.dialects {
		return nil, nil, "the program knows no dialects"
	}
	spelt := load.Target{
		URL: s.URL + "/compare/v1/api/auth/token", JSON: true,
		Bodies: []string{fmt.Sprintf(`{"username":%q,"password":%q}`, username, password)},
	}
	return ours(s.Server, b.asked(spelt)), ours(s.Server, b.asked(s.Target("compare", login(password)))), ""
}

// events compares a server that logs each request with one that does not.
func (b *runner) events() (us, floor side, missing string) {
	s := b.server()
	quiet := s.site.Twin("quiet", "error", s.options).Serve()
	of := func(s *rig.Server) side { return ours(s, b.asked(s.Target("compare", clientCredentials))) }
	return of(s.Server), of(quiet), ""
}

// replica compares two replicas with one, each loaded by two generators.
func (b *runner) replica() (us, floor side, missing string) {
	s := b.server()
	second := s.site.ServeAt()
	return b.both(s.Server, second), b.both(s.Server, s.Server), ""
}

func (b *runner) both(servers ...*rig.Server) side {
	return func(d time.Duration) (load.Sample, error) {
		var targets []load.Target
		for _, s := range servers {
			s.FreshLog()
			t := s.Target("compare")
			t.Connections, t.Follow = connections/2, true
			var err error
			if t.Bodies, err = load.RefreshTokens(b.ctx, t, connections, username, password); err != nil {
				return load.Sample{}, err
			}
			targets = append(targets, t)
		}
		return load.RunAll(b.ctx, targets, d)
	}
}
