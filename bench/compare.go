package main

import (
	"context"
	"crypto/subtle"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The person whom compare knows.
const (
	username = "alice"
	password = "wonderland"
)

// compare is a plugin that only compares: what a path with it costs, the way
// to a plugin and back costs.
type compare struct{}

// Describe names the plugin.
func (compare) Describe() sdk.Description {
	return sdk.Description{Name: "compare", Version: "1", Kinds: []sdk.Kind{sdk.Password}}
}

// Authenticate knows one person.
func (compare) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	c := r.Credential
	if c.Username != username {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	if subtle.ConstantTimeCompare([]byte(c.Secret.Reveal()), []byte(password)) != 1 {
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return sdk.Identity{Subject: "1001", Username: username, Name: "Alice", Email: "alice@example.com"}, nil
}
