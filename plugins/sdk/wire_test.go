package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// plugin is an Authenticator, and no more than that.
type plugin func(context.Context, sdk.Request) (sdk.Identity, error)

func (f plugin) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	return f(ctx, r)
}

// connect serves a and asks it over gRPC.
func connect(t testing.TB, a sdk.Authenticator) *sdk.Client {
	t.Helper()
	return client(t, dial(t, sdk.NewServer(a)))
}

func password(secret string) sdk.Request {
	return sdk.Request{Credential: sdk.Credential{Kind: sdk.Password, Username: "alice", Secret: sdk.Secret(secret)}}
}

func TestRequestArrives(t *testing.T) { either(t, requestArrives) }

func requestArrives(t *testing.T, connect connector) {
	want := sdk.Request{
		Credential: sdk.Credential{Kind: sdk.Assertion, Username: "ä", Secret: "\x00\xff", Type: "urn:x"},
		Issuer:     "https://issuer.example",
		ClientID:   "client",
		Attributes: map[string]string{"organisation": "acme"},
		Remote:     netip.MustParseAddr("2001:db8::1"),
	}
	c := connect(t, plugin(func(_ context.Context, got sdk.Request) (sdk.Identity, error) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v", got)
		}
		return sdk.Identity{Subject: "x"}, nil
	}))
	if _, err := c.Authenticate(t.Context(), want); err != nil {
		t.Error(err)
	}
}

func TestIdentityArrives(t *testing.T) { either(t, identityArrives) }

func identityArrives(t *testing.T, connect connector) {
	for name, id := range map[string]sdk.Identity{
		"least": {Subject: "x"},
		"all": {
			Subject: "x", Username: "u", Name: "n", Email: "e", Organisation: "o", Unit: "a",
			Units: []string{"a", "b"}, Groups: []string{"g"}, Roles: []string{"r"},
			Scopes: []string{"s"}, Audience: []string{"api"},
			Expires: time.UnixMilli(1_900_000_000_123),
			Claims: map[string]any{
				"int": int64(math.MaxInt64), "negative": int64(-1), "float": 1.5, "text": "<&>", "null": nil, "yes": true,
				"nested": map[string]any{"list": []any{int64(1), 2.5, map[string]any{"n": int64(3)}}},
			},
		},
		"no scope at all": {Subject: "x", Scopes: []string{}, Audience: []string{}},
		"over since 1970": {Subject: "x", Expires: time.UnixMilli(1)},
	} {
		c := connect(t, plugin(func(context.Context, sdk.Request) (sdk.Identity, error) {
			sent := id
			sent.Plugin = "forged"
			return sent, nil
		}))
		got, err := c.Authenticate(t.Context(), password("x"))
		if err != nil || !cmp.Equal(got, id) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(id, got))
		}

		// It is the same after it was stored as JSON.
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var stored sdk.Identity
		if err := json.Unmarshal(b, &stored); err != nil || !cmp.Equal(stored, id) {
			t.Errorf("%s, stored as %s: %v\n%s", name, b, err, cmp.Diff(id, stored))
		}
	}
}

func TestErrorsArrive(t *testing.T) { either(t, errorsArrive) }

func errorsArrive(t *testing.T, connect connector) {
	for name, test := range map[string]struct {
		err  error
		want error // what it wraps
		text string
	}{
		"unknown":         {sdk.ErrUnknown, sdk.ErrUnknown, "unknown principal"},
		"denied":          {sdk.ErrDenied, sdk.ErrDenied, "denied: invalid"},
		"locked":          {sdk.Denied(sdk.Locked), sdk.ErrDenied, "denied: locked"},
		"unheard of":      {sdk.Denied("bewitched"), sdk.ErrDenied, "denied: invalid"},
		"unavailable":     {sdk.Unavailable(errors.New("dial: refused")), sdk.ErrUnavailable, "unavailable: dial: refused"},
		"no cause":        {sdk.Unavailable(nil), sdk.ErrUnavailable, "unavailable: no cause given"},
		"anything else":   {errors.New("oops"), sdk.ErrUnavailable, "unavailable: oops"},
		"quotes a secret": {errors.New("no user alice:opensesame"), sdk.ErrUnavailable, "unavailable: no user alice:[redacted]"},
		"two at once":     {errors.Join(sdk.ErrUnknown, sdk.ErrUnavailable), sdk.ErrUnavailable, "unavailable: unknown principal\nunavailable"},
	} {
		c := connect(t, plugin(func(context.Context, sdk.Request) (sdk.Identity, error) {
			return sdk.Identity{Subject: "x"}, test.err
		}))
		id, err := c.Authenticate(t.Context(), password("opensesame"))
		if !errors.Is(err, test.want) || err.Error() != test.text || id.Subject != "" {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
}

func TestRetryAfterArrives(t *testing.T) {
	for want, sent := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 0: -time.Second, 24 * time.Hour: math.MaxInt64,
	} {
		c := connect(t, plugin(func(_ context.Context, r sdk.Request) (sdk.Identity, error) {
			if r.Credential.Kind == sdk.APIKey {
				return sdk.Identity{}, &sdk.DeniedError{Reason: sdk.Locked, RetryAfter: sent}
			}
			return sdk.Identity{}, &sdk.UnavailableError{Err: errors.New("busy"), RetryAfter: sent}
		}))
		r := password("x")
		_, err := c.Authenticate(t.Context(), r)
		if e, ok := errors.AsType[*sdk.UnavailableError](err); !ok || e.RetryAfter != want {
			t.Errorf("unavailable for %v: %v", sent, err)
		}
		r.Credential.Kind = sdk.APIKey
		_, err = c.Authenticate(t.Context(), r)
		if e, ok := errors.AsType[*sdk.DeniedError](err); !ok || e.RetryAfter != want {
			t.Errorf("denied for %v: %v", sent, err)
		}
	}
}

func TestBadIdentityIsUnavailable(t *testing.T) {
	many := make([]string, sdk.MaxList+1)
	deep := map[string]any{}
	for range 100 {
		deep = map[string]any{"deeper": deep}
	}
	for name, id := range map[string]sdk.Identity{
		"no subject":   {Username: "x"},
		"NUL":          {Subject: "a\x00b"},
		"not UTF-8":    {Subject: "x", Groups: []string{"\xff"}},
		"long":         {Subject: strings.Repeat("x", sdk.MaxString+1)},
		"many":         {Subject: "x", Roles: many},
		"huge claims":  {Subject: "x", Claims: map[string]any{"x": strings.Repeat("x", sdk.MaxClaims)}},
		"enormous":     {Subject: "x", Claims: map[string]any{"x": strings.Repeat("x", 4*sdk.MaxMessage)}},
		"no JSON":      {Subject: "x", Claims: map[string]any{"x": math.NaN()}},
		"deep claims":  {Subject: "x", Claims: deep},
		"full message": {Subject: "x", Groups: slicesOf(sdk.MaxList, strings.Repeat("x", sdk.MaxString))},
	} {
		c := connect(t, plugin(func(_ context.Context, r sdk.Request) (sdk.Identity, error) {
			if r.Credential.Kind == sdk.APIKey {
				return sdk.Identity{Subject: "fine"}, nil
			}
			return id, nil
		}))
		r := password("x")
		if got, err := c.Authenticate(t.Context(), r); !errors.Is(err, sdk.ErrUnavailable) {
			t.Errorf("%s: %v, %v", name, got.Subject, err)
		}
		r.Credential.Kind = sdk.APIKey
		if _, err := c.Authenticate(t.Context(), r); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

func slicesOf(n int, s string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func TestRequestBounds(t *testing.T) {
	asked := false
	c := connect(t, plugin(func(context.Context, sdk.Request) (sdk.Identity, error) {
		asked = true
		return sdk.Identity{Subject: "x"}, nil
	}))
	for name, change := range map[string]func(*sdk.Request){
		"empty secret": func(r *sdk.Request) { r.Credential.Secret = "" },
		"long secret":  func(r *sdk.Request) { r.Credential.Secret = sdk.Secret(strings.Repeat("x", sdk.MaxSecret+1)) },
		"no name":      func(r *sdk.Request) { r.Credential.Username = "" },
		"long name":    func(r *sdk.Request) { r.Credential.Username = strings.Repeat("x", sdk.MaxUsername+1) },
		"NUL":          func(r *sdk.Request) { r.Credential.Username = "a\x00" },
		"attribute":    func(r *sdk.Request) { r.Attributes = map[string]string{"unit": "\x00"} },
	} {
		r := password("x")
		change(&r)
		if err := r.Check(); !errors.Is(err, sdk.ErrDenied) {
			t.Errorf("Check of %s: %v", name, err)
		}
		if _, err := c.Authenticate(t.Context(), r); !errors.Is(err, sdk.ErrDenied) || asked {
			t.Errorf("%s: %v, asked: %v", name, err, asked)
		}
	}
	r := password("x")
	r.Credential.Username = "\xff" // cannot be sent at all
	if _, err := c.Authenticate(t.Context(), r); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(r.Check(), sdk.ErrDenied) {
		t.Errorf("not UTF-8: %v, %v", err, r.Check())
	}
}

func TestPanicEndsTheCallOnly(t *testing.T) { either(t, panicEndsTheCallOnly) }

func panicEndsTheCallOnly(t *testing.T, connect connector) {
	c := connect(t, plugin(func(_ context.Context, r sdk.Request) (sdk.Identity, error) {
		if r.Credential.Kind == sdk.Password {
			panic("with " + r.Credential.Secret.Reveal())
		}
		return sdk.Identity{Subject: "x"}, nil
	}))
	r := password("opensesame")
	if _, err := c.Authenticate(t.Context(), r); !errors.Is(err, sdk.ErrUnavailable) {
		t.Errorf("panic: %v", err)
	}
	r.Credential.Kind = sdk.APIKey
	if _, err := c.Authenticate(t.Context(), r); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestEndedCall(t *testing.T) { either(t, endedCall) }

func endedCall(t *testing.T, connect connector) {
	c := connect(t, plugin(func(ctx context.Context, _ sdk.Request) (sdk.Identity, error) {
		<-ctx.Done()
		return sdk.Identity{}, ctx.Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Authenticate(ctx, password("x")); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// whole has every ability.
type whole struct{ plugin }

func (whole) Configure(_ context.Context, config json.RawMessage) error {
	switch string(config) {
	case `"panic"`:
		panic("no")
	case `{}`:
		return nil
	}
	return errors.New("url is missing")
}

func (whole) Refresh(_ context.Context, id sdk.Identity) (sdk.Identity, error) {
	id.Unit = "now"
	return id, nil
}

func (whole) Lookup(_ context.Context, name string) (sdk.Identity, error) {
	if name != "alice" {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return sdk.Identity{Subject: "1"}, nil
}

func (whole) Describe() sdk.Description {
	return sdk.Description{Name: "whole", Version: "1", Kinds: []sdk.Kind{sdk.Password}, Schema: json.RawMessage(`{"type":"object"}`)}
}

func TestAbilities(t *testing.T) {
	yes := plugin(func(context.Context, sdk.Request) (sdk.Identity, error) { return sdk.Identity{Subject: "1"}, nil })

	bare := connect(t, yes)
	if d := bare.Describe(); !cmp.Equal(d, sdk.Description{}) {
		t.Errorf("bare: %+v", d)
	}
	if id, err := bare.Refresh(t.Context(), sdk.Identity{Subject: "1"}); err != nil || id.Subject != "1" {
		t.Errorf("bare refresh: %+v, %v", id, err)
	}
	if _, err := bare.Lookup(t.Context(), "alice"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("bare lookup: %v", err)
	}

	c := connect(t, whole{yes})
	want := whole{}.Describe()
	want.Abilities = []sdk.Ability{sdk.AbilityConfigure, sdk.AbilityRefresh, sdk.AbilityLookup}
	if d := c.Describe(); !cmp.Equal(d, want) {
		t.Errorf("describe: %s", cmp.Diff(want, d))
	}
	if _, err := c.Authenticate(t.Context(), password("x")); err == nil || !strings.Contains(err.Error(), "not configured") {
		t.Errorf("before Configure: %v", err)
	}
	for config, text := range map[string]string{`"panic"`: "panicked", `[]`: "url is missing"} {
		if err := c.Configure(t.Context(), json.RawMessage(config)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("configure %s: %v", config, err)
		}
	}
	if err := c.Configure(t.Context(), json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.Configure(t.Context(), json.RawMessage(`{}`)); err == nil {
		t.Error("configured twice")
	}
	if id, err := c.Refresh(t.Context(), sdk.Identity{Subject: "1"}); err != nil || id.Unit != "now" {
		t.Errorf("refresh: %+v, %v", id, err)
	}
	if id, err := c.Lookup(t.Context(), "alice"); err != nil || id.Subject != "1" {
		t.Errorf("lookup: %+v, %v", id, err)
	}
	if _, err := c.Lookup(t.Context(), "bob"); !errors.Is(err, sdk.ErrUnknown) {
		t.Errorf("lookup of bob: %v", err)
	}
	key := password("x")
	key.Credential.Kind = sdk.APIKey
	if _, err := c.Authenticate(t.Context(), key); !errors.Is(err, sdk.ErrUnknown) {
		t.Errorf("a kind it does not judge: %v", err)
	}
}

// knowsAll finds somebody by whatever name.
type knowsAll struct{ plugin }

func (knowsAll) Lookup(context.Context, string) (sdk.Identity, error) {
	return sdk.Identity{Subject: "whoever has no name"}, nil
}

// A row whose user name is empty is not found by a token that names nobody.
func TestNobodyIsLookedUpByNoName(t *testing.T) {
	c := connect(t, knowsAll{})
	for name, want := range map[string]error{"": sdk.ErrUnknown, "a\x00b": sdk.ErrUnknown, "alice": nil} {
		if _, err := c.Lookup(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("lookup of %q: %v, want %v", name, err, want)
		}
	}
}
