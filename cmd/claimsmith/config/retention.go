package config

import (
	"cmp"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/storage"
)

// Retention is how long a key of the issuer stays published once it signs no
// more, for the clients of storage too: keys.retain, or else the lifetime of the
// token that lives the longest, and at least a day, so that clients may be made
// while the server runs.
func (i *Issuer) Retention(stored []storage.Client) time.Duration {
	longest := i.Keys.Retain.Std()
	if !i.retainComputed {
		return longest
	}
	for _, c := range stored {
		longest = max(longest, c.AccessTokenLifetime)
	}
	return longest
}

// RetentionComputed reports whether Retention follows from lifetimes: the file
// does not say it.
func (i *Issuer) RetentionComputed() bool { return i.retainComputed }

// computeRetention fills in keys.retain, of all that the file says.
func (i *Issuer) computeRetention() {
	i.retainComputed = true
	longest := max(jwks.DefaultRetain, i.AccessToken.Lifetime.Std())
	for k := range i.Clients {
		longest = max(longest, i.Clients[k].AccessToken.Lifetime.Std())
	}
	for k := range i.Dialects {
		longest = max(longest, i.Dialects[k].tokenLifetime())
	}
	i.Keys.Retain = strictyaml.Duration(longest)
}

// tokenLifetime is that of the dialect's tokens; 0 if it is the client's.
func (d *Dialect) tokenLifetime() time.Duration {
	if d.config.Dialect == nil {
		return 0
	}
	return cmp.Or(d.Lifetime.Std(), d.config.Dialect.Lifetime)
}

// outlives reports whether tokens would outlive the key that verifies them, by
// what the file says of both.
func (i *Issuer) outlives(lifetime time.Duration) bool {
	return i.Keys.Retain != 0 && lifetime > i.Keys.Retain.Std()
}

const raiseRetain = "a token would outlive the key that verifies it: raise keys.retain, or leave it out"
