package ldap

import (
	"context"
	"errors"
	"fmt"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/go-ldap/ldap/v3"
)

// errAmbiguous is a denial: who is meant cannot be told.
var errAmbiguous = fmt.Errorf("two entries match: %w", sdk.Denied(sdk.Invalid))

// find returns the one entry under base that the filter f matches. No entry
// is sdk.ErrUnknown, several are errAmbiguous.
func (d *directory) find(ctx context.Context, base string, scope int, f filter, attributes []string) (*entry, error) {
	found, err := d.search(ctx, query{base: base, scope: scope, filter: f, attributes: attributes, entries: 2, seconds: d.timeLimit})
	switch {
	case errors.Is(err, sdk.ErrUnavailable):
		return nil, err
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
		return nil, errAmbiguous
	case base != d.base.root && ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax):
		return nil, sdk.ErrUnknown // no such organisation, or whatever was put into base
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, sdk.Unavailable(fmt.Errorf("search %q: it is not there, or the service account may not see it: %w", base, err))
	case ldap.IsErrorWithCode(err, ldap.LDAPResultReferral):
		return nil, sdk.Unavailable(fmt.Errorf("search %q: the server refers to another, which is not followed: put that one into urls", base))
	case err != nil:
		return nil, sdk.Unavailable(fmt.Errorf("search %q: %w", base, err))
	}
	switch len(found) {
	case 0:
		return nil, sdk.ErrUnknown
	case 1:
		return found[0], d.complete(ctx, found[0])
	}
	return nil, errAmbiguous
}

// search returns what the directory answers to the service account.
func (d *directory) search(ctx context.Context, q query) (found []*entry, err error) {
	err = d.pool.do(ctx, searching, func(w *wire) (err error) {
		found, err = w.search(q)
		return err
	})
	return found, err
}

// findLogin returns the entry that a login is about.
func (d *directory) findLogin(ctx context.Context, r sdk.Request) (*entry, error) {
	base, ok := d.base.expandDN(said(r, r.Credential.Username))
	if !ok {
		return nil, sdk.ErrUnknown
	}
	f, ok := d.loginFilter(r, refuse)
	if !ok {
		return nil, sdk.ErrUnknown
	}
	e, err := d.find(ctx, base, d.scope, f, d.atLogin)
	if err == nil && !d.sameOrganisation(e, tenant{organisation: r.Attributes["organisation"]}) {
		return nil, sdk.ErrUnknown
	}
	return e, err
}

// findSubject returns the entry of a subject, if the filter still lets it in.
func (d *directory) findSubject(ctx context.Context, subject string, value values) (*entry, error) {
	wanted, ok := subjectValue(d.attributes.Subject, subject)
	if !ok {
		return nil, sdk.ErrUnknown
	}
	f := joined(filterAnd, equality(d.attributes.Subject, wanted), d.admission(value))
	base, scope := d.baseFor(value)
	return d.find(ctx, base, scope, f, d.atRefresh)
}

// admission is the filter that an entry must match whatever its user name.
func (d *directory) admission(value values) filter {
	f, _ := d.filter.expand(value, present)
	if d.usernames.upnFilter == nil {
		return f
	}
	principal, _ := d.usernames.upnFilter.expand(value, present)
	return joined(filterOr, f, principal)
}

// baseFor is where to search if not all placeholders of base may have values.
func (d *directory) baseFor(value values) (base string, scope int) {
	if base, ok := d.base.expandDN(value); ok {
		return base, d.scope
	}
	return d.base.root, ldap.ScopeWholeSubtree
}
