package sdktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/plugins/sdk/sdktest"
)

// people is a plugin that does everything right, unless told otherwise.
type people struct {
	names map[string]string // secrets
	keys  map[string]string // names

	authenticate func(*people, sdk.Request) (sdk.Identity, error) // instead of its own
	describe     *sdk.Description                                 // instead of its own
	refresh      func(sdk.Identity) (sdk.Identity, error)         // instead of its own
	lookup       func(string) (sdk.Identity, error)               // instead of its own
	loose        bool                                             // Configure accepts everything
	slow         bool                                             // Configure never ends
	alone        *atomic.Bool                                     // a lock that one of all takes
}

func (p *people) Describe() sdk.Description {
	if p.describe != nil {
		return *p.describe
	}
	return sdk.Description{Name: "people", Version: "1.0.0", Kinds: []sdk.Kind{sdk.Password, sdk.APIKey, sdk.Assertion},
		Schema: json.RawMessage(`{"type": "object"}`)}
}

func (p *people) Configure(ctx context.Context, config json.RawMessage) error {
	if p.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	var c struct{ Names, Keys map[string]string }
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil && !p.loose {
		return err
	}
	if p.alone != nil && !p.alone.CompareAndSwap(false, true) {
		return errors.New("another one holds the lock")
	}
	p.names, p.keys = c.Names, c.Keys
	return nil
}

func (p *people) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	if p.authenticate != nil {
		return p.authenticate(p, r)
	}
	return p.right(ctx, r)
}

func (p *people) right(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	secret := r.Credential.Secret.Reveal()
	if r.Credential.Kind != sdk.Password {
		if name, ok := p.keys[secret]; ok && (r.Credential.Kind == sdk.APIKey || r.Credential.Type == badge) {
			return sdk.Identity{Subject: name}, nil
		}
		return sdk.Identity{}, sdk.ErrUnknown
	}
	want, ok := p.names[r.Credential.Username]
	switch {
	case !ok:
		return sdk.Identity{}, sdk.ErrUnknown
	case want != secret:
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return sdk.Identity{Subject: r.Credential.Username}, nil
}

func (p *people) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) {
	if p.refresh != nil {
		return p.refresh(id)
	}
	if _, ok := p.names[id.Subject]; !ok {
		return sdk.Identity{}, sdk.Denied(sdk.Disabled)
	}
	return id, nil
}

func (p *people) Lookup(_ context.Context, name string) (sdk.Identity, error) {
	if p.lookup != nil {
		return p.lookup(name)
	}
	if _, ok := p.names[name]; !ok {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return sdk.Identity{Subject: name}, nil
}

const badge = "urn:example:badge"

func plugin(p *people) sdktest.Plugin {
	return sdktest.Plugin{
		New:       func() sdk.Authenticator { fresh := *p; return &fresh },
		Config:    json.RawMessage(`{"names": {"alice": "wonderland"}, "keys": {"key-0123456789": "alice", "badge-0123456789": "alice"}}`),
		BadConfig: json.RawMessage(`{"names": 1}`),
		Password:  sdktest.Password{User: "alice", Secret: "wonderland"},
		APIKey:    "key-0123456789",
		Assertion: sdktest.Assertion{Type: badge, Secret: "badge-0123456789"},
	}
}

func TestGoodPluginPasses(t *testing.T) { sdktest.Run(t, plugin(&people{})) }

// A plugin without configuration and credentials passes what applies to it.
func TestPlainPluginPasses(t *testing.T) {
	sdktest.Run(t, sdktest.Plugin{New: func() sdk.Authenticator { return closed{} }})
}

type closed struct{}

func (closed) Authenticate(context.Context, sdk.Request) (sdk.Identity, error) {
	return sdk.Identity{}, sdk.ErrUnknown
}

func TestFaultsAreFound(t *testing.T) {
	yes := sdk.Identity{Subject: "x"}
	for check, bad := range map[string]*people{
		"good credential": {authenticate: func(*people, sdk.Request) (sdk.Identity, error) {
			return sdk.Identity{}, errors.New("no")
		}},
		"wrong secret": {authenticate: func(*people, sdk.Request) (sdk.Identity, error) { return yes, nil }},
		"unknown principal": {authenticate: func(p *people, r sdk.Request) (sdk.Identity, error) {
			id, err := p.right(context.Background(), r)
			if errors.Is(err, sdk.ErrUnknown) {
				err = errors.New("no rows")
			}
			return id, err
		}},
		"hostile input": {authenticate: func(p *people, r sdk.Request) (sdk.Identity, error) {
			if strings.Contains(r.Credential.Username, "'") {
				return yes, nil
			}
			return p.right(context.Background(), r)
		}},
		"200 concurrent calls": {authenticate: func() func(p *people, r sdk.Request) (sdk.Identity, error) {
			meet := make(chan struct{})
			return func(p *people, r sdk.Request) (sdk.Identity, error) {
				select {
				case meet <- struct{}{}:
					return yes, nil // as a mix-up of two callers
				case <-meet:
				case <-time.After(10 * time.Millisecond):
				}
				return p.right(context.Background(), r)
			}
		}()},
		"unknown attributes": {authenticate: func(p *people, r sdk.Request) (sdk.Identity, error) {
			if len(r.Attributes) > 8 {
				return sdk.Identity{}, errors.New("what is all this?")
			}
			return p.right(context.Background(), r)
		}},
		"describes itself":     {describe: &sdk.Description{Name: "people", Kinds: []sdk.Kind{sdk.Password, sdk.APIKey, sdk.Assertion}}},
		"refresh":              {refresh: func(id sdk.Identity) (sdk.Identity, error) { return id, nil }},
		"lookup":               {lookup: func(string) (sdk.Identity, error) { return yes, nil }},
		"bad configuration":    {loose: true},
		"start beside another": {alone: new(atomic.Bool)},
		"secrets stay secret": {authenticate: func(p *people, r sdk.Request) (sdk.Identity, error) {
			return sdk.Identity{}, fmt.Errorf("%s has %s", r.Credential.Username, p.names["alice"])
		}},
	} {
		t.Run(check, func(t *testing.T) { finds(t, check, plugin(bad)) })
	}
}

// finds tests whether a check finds something wrong with a plugin.
func finds(t *testing.T, check string, p sdktest.Plugin) {
	s, err := sdktest.Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	found := map[string]error{}
	for _, c := range sdktest.Checks() {
		found[c.Name] = c.Run(t.Context(), s)
	}
	if found[check] == nil {
		t.Error("not found")
	} else if _, skip := errors.AsType[sdktest.Skip](found[check]); skip {
		t.Error("skipped")
	} else {
		t.Log(found[check])
	}
}

func TestSlowStartIsFound(t *testing.T) {
	p := plugin(&people{slow: true})
	p.StartTimeout = 50 * time.Millisecond
	_, err := sdktest.Open(t.Context(), p)
	if err == nil || !strings.Contains(err.Error(), "slow start: not ready after 50ms") {
		t.Errorf("open: %v", err)
	}
}
