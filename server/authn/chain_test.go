package authn_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/authn"
)

// plugin answers every question with one identity or error, and counts them.
type plugin struct {
	id     sdk.Identity
	err    error
	kind   sdk.Kind
	asked  int
	handed sdk.Request
}

func (p *plugin) Handles(k sdk.Kind) bool { return p.kind == "" || p.kind == k }

func (p *plugin) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	p.asked++
	p.handed = r
	return p.id, p.err
}

func (p *plugin) Refresh(context.Context, sdk.Identity) (sdk.Identity, error) {
	p.asked++
	return p.id, p.err
}

func (p *plugin) Lookup(context.Context, string) (sdk.Identity, error) { return p.id, p.err }

func TestChainAsksInOrder(t *testing.T) {
	knows := func(subject string) plugin { return plugin{id: sdk.Identity{Subject: subject, Plugin: "a lie"}} }
	unknown := plugin{err: sdk.ErrUnknown}
	denied := plugin{err: sdk.Denied(sdk.Locked)}
	down := plugin{err: sdk.Unavailable(errors.New("connection refused"))}
	broken := plugin{err: errors.New("a bug")}
	keysOnly := plugin{id: sdk.Identity{Subject: "k"}, kind: sdk.APIKey}

	for _, tt := range []struct {
		name    string
		plugins []plugin
		want    sdk.Identity
		err     error
		asked   []int
	}{
		{"nobody to ask", nil, sdk.Identity{}, sdk.ErrUnknown, nil},
		{"the first knows", []plugin{knows("1"), knows("2")}, sdk.Identity{Subject: "1", Plugin: "0"}, nil, []int{1, 0}},
		{"unknown asks the next", []plugin{unknown, knows("2")}, sdk.Identity{Subject: "2", Plugin: "1"}, nil, []int{1, 1}},
		{"all unknown", []plugin{unknown, unknown}, sdk.Identity{}, sdk.ErrUnknown, []int{1, 1}},
		{"denied stops", []plugin{denied, knows("2")}, sdk.Identity{}, sdk.ErrDenied, []int{1, 0}},
		{"down, a later one knows", []plugin{down, knows("2")}, sdk.Identity{Subject: "2", Plugin: "1"}, nil, []int{1, 1}},
		{"down, a later one denies", []plugin{down, denied}, sdk.Identity{}, sdk.ErrUnavailable, []int{1, 1}},
		{"down, a later one has denied", []plugin{down, denied}, sdk.Identity{}, sdk.ErrDenied, []int{1, 1}},
		{"down for a reason that reads as another", []plugin{{err: sdk.Unavailable(sdk.ErrUnknown)}}, sdk.Identity{}, sdk.ErrUnavailable, []int{1}},
		{"denied, before one that is down", []plugin{denied, down}, sdk.Identity{}, sdk.ErrDenied, []int{1, 0}},
		{"down, unknown to the rest", []plugin{down, unknown}, sdk.Identity{}, sdk.ErrUnavailable, []int{1, 1}},
		{"unknown, then down", []plugin{unknown, down}, sdk.Identity{}, sdk.ErrUnavailable, []int{1, 1}},
		{"an error of no kind cannot tell", []plugin{broken, unknown}, sdk.Identity{}, sdk.ErrUnavailable, []int{1, 1}},
		{"another kind is not asked", []plugin{keysOnly, knows("2")}, sdk.Identity{Subject: "2", Plugin: "1"}, nil, []int{0, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			chain := chainOf(tt.plugins)
			got, err := chain.Authenticate(t.Context(), sdk.Request{Credential: sdk.Credential{Kind: sdk.Password}})
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("identity (-want +got):\n%s", diff)
			}
			for i := range tt.plugins {
				if tt.plugins[i].asked != tt.asked[i] {
					t.Errorf("plugin %d was asked %d times, want %d", i, tt.plugins[i].asked, tt.asked[i])
				}
			}
		})
	}
}

func TestChainRefreshesWithThePluginThatAnswered(t *testing.T) {
	plugins := []plugin{{id: sdk.Identity{Subject: "x"}}, {id: sdk.Identity{Subject: "now"}}}
	chain := chainOf(plugins)

	got, err := chain.Refresh(t.Context(), sdk.Identity{Subject: "then", Plugin: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sdk.Identity{Subject: "now", Plugin: "1"}, got); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	if plugins[0].asked != 0 {
		t.Error("a plugin was asked for an identity that is not its own")
	}

	if _, err := chain.Refresh(t.Context(), sdk.Identity{Plugin: "gone"}); !errors.Is(err, sdk.ErrDenied) {
		t.Errorf("a plugin that left the chain: error %v, want ErrDenied", err)
	}
}

func chainOf(plugins []plugin) authn.Chain {
	var chain authn.Chain
	for i := range plugins {
		chain = append(chain, authn.Link{Name: string(rune('0' + i)), Plugin: &plugins[i]})
	}
	return chain
}
