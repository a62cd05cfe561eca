package oauth

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/claimsmith/claimsmith/server/audit"
)

// target settles what the token is for: of the scopes and the audience that
// are allowed, those that the request asks for. Where it asks for no scope it
// gets all but offline_access, where it names no audience the first one.
func (p *Provider) target(x *exchange, scopes, audience []string) error {
	x.scopes = without(scopes, ScopeOfflineAccess)
	if x.request.Scopes != nil {
		if !containsAll(scopes, x.request.Scopes) {
			return naming(invalidScope("a scope is unknown or not allowed to the client"), x.request.Scopes, scopes)
		}
		x.scopes = unique(x.request.Scopes)
	}
	x.audience = audience[:min(1, len(audience))]
	if x.request.Audience != nil {
		if !containsAll(audience, x.request.Audience) {
			return naming(invalidTarget(), x.request.Audience, audience) // RFC 8707 section 2
		}
		x.audience = unique(x.request.Audience)
	}
	return nil
}

// bound narrows the target to what the identity allows. What was asked for by
// name and is not allowed is refused; of the defaults it is left out.
func (p *Provider) bound(x *exchange) error {
	if allowed := x.identity.Scopes; allowed != nil && !containsAll(allowed, x.scopes) {
		if x.request.Scopes != nil {
			return naming(invalidScope("the credential does not allow a scope"), x.scopes, allowed)
		}
		x.scopes = common(x.scopes, allowed)
	}
	if allowed := x.identity.Audience; allowed != nil && !containsAll(allowed, x.audience) {
		x.audience = common(p.audienceOf(x), allowed)
		if x.request.Audience != nil || len(x.audience) == 0 {
			return invalidTarget()
		}
		x.audience = x.audience[:1]
	}
	return nil
}

// audienceOf is what the exchange's client may ask for, its default first. What
// it may trade access tokens for is a policy of its own.
func (p *Provider) audienceOf(x *exchange) []string {
	if x.request.Subject != "" {
		return x.client.Exchange
	}
	if len(x.client.Audience) > 0 {
		return x.client.Audience
	}
	return p.Audience
}

func invalidTarget() *Error {
	return refuse(http.StatusBadRequest, "invalid_target", audit.NotAllowed, "a resource or audience is unknown or not allowed to the client")
}

// naming adds, for the log, the first that was asked for and is not allowed.
func naming(e *Error, asked, allowed []string) *Error {
	i := slices.IndexFunc(asked, func(s string) bool { return !slices.Contains(allowed, s) })
	e.Err = fmt.Errorf("%.100q: %s", asked[i], e.Description)
	return e
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// without returns list without one value, and list itself where it has none.
func without(list []string, value string) []string {
	if !slices.Contains(list, value) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == value })
}

// unique returns list without repetitions, in its order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
