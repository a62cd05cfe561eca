package authn

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/audit"
)

// Plugin is what the chain asks. Handles says whether it judges credentials
// of a kind at all.
type Plugin interface {
	sdk.Authenticator
	sdk.Refresher
	sdk.Lookuper
	Handles(kind sdk.Kind) bool
}

// Link is one plugin of a chain under its configured name.
type Link struct {
	Name   string
	Plugin Plugin
}

// Chain asks plugins in order. It is an Authenticator, a Refresher and a
// Lookuper. The zero Chain knows nobody.
type Chain []Link

// Authenticate asks the plugins that handle the kind of credential, in order:
// one that does not know the principal passes on to the next, one that denies
// it ends the matter. A plugin that cannot tell is passed over as well, but
// then what the others refuse means nothing: unless a later plugin returns an
// identity, the answer wraps ErrUnavailable. It wraps ErrDenied besides where a
// later one has denied the principal: that is a failure, but nobody is told.
func (c Chain) Authenticate(ctx context.Context, r sdk.Request) (sdk.Identity, error) {
	return c.first(ctx, func(l Link) (sdk.Identity, error) {
		if !l.Plugin.Handles(r.Credential.Kind) {
			return sdk.Identity{}, sdk.ErrUnknown
		}
		return l.Plugin.Authenticate(ctx, r)
	})
}

// Lookup returns the identity of name from the first plugin that knows it.
func (c Chain) Lookup(ctx context.Context, name string) (sdk.Identity, error) {
	return c.first(ctx, func(l Link) (sdk.Identity, error) { return l.Plugin.Lookup(ctx, name) })
}

// Refresh asks the plugin that the identity came from whether it still holds.
// Where that plugin is no longer part of the chain, nobody vouches for the
// identity: the error wraps ErrDenied.
func (c Chain) Refresh(ctx context.Context, id sdk.Identity) (sdk.Identity, error) {
	for _, l := range c {
		if l.Name == id.Plugin {
			return answer(ctx, l.Name)(l.Plugin.Refresh(ctx, id))
		}
	}
	return sdk.Identity{}, fmt.Errorf("plugin %q is no longer in the chain: %w", id.Plugin, sdk.Denied(sdk.Disabled))
}

func (c Chain) first(ctx context.Context, ask func(Link) (sdk.Identity, error)) (sdk.Identity, error) {
	var unavailable error
	for _, l := range c {
		id, err := answer(ctx, l.Name)(ask(l))
		switch {
		case err == nil:
			return id, nil
		case errors.Is(err, sdk.ErrUnavailable):
			unavailable = cmp.Or(unavailable, err)
		case errors.Is(err, sdk.ErrUnknown):
		case unavailable != nil:
			return id, fmt.Errorf("%w; another: %w", unavailable, err)
		default:
			return id, err
		}
	}
	if unavailable != nil {
		return sdk.Identity{}, unavailable
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

// answer stamps a plugin's answer with its name, and makes any error that is
// none of the three an ErrUnavailable: a plugin that does not keep the contract
// cannot tell.
func answer(ctx context.Context, name string) func(sdk.Identity, error) (sdk.Identity, error) {
	return func(id sdk.Identity, err error) (sdk.Identity, error) {
		if err == nil {
			id.Plugin = name
			audit.FromContext(ctx).Plugin = name
			return id, nil
		}
		unavailable := errors.Is(err, sdk.ErrUnavailable)
		if !unavailable && errors.Is(err, sdk.ErrUnknown) {
			return sdk.Identity{}, err
		}
		audit.FromContext(ctx).Plugin = name
		if unavailable || errors.Is(err, sdk.ErrDenied) {
			return sdk.Identity{}, fmt.Errorf("plugin %s: %w", name, err)
		}
		return sdk.Identity{}, fmt.Errorf("plugin %s: %w", name, sdk.Unavailable(err))
	}
}
