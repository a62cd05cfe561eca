package sdk_test

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// people maps a name to the SHA-256 of its password.
var people = map[string][32]byte{"alice": sha256.Sum256([]byte("wonderland"))}

type list struct{}

func (list) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	want, known := people[r.Credential.Username]
	got := sha256.Sum256([]byte(r.Credential.Secret.Reveal()))
	right := subtle.ConstantTimeCompare(got[:], want[:]) == 1
	switch {
	case !known:
		return sdk.Identity{}, sdk.ErrUnknown
	case !right:
		return sdk.Identity{}, sdk.Denied(sdk.Invalid)
	}
	return sdk.Identity{Subject: r.Credential.Username, Groups: []string{"staff"}}, nil
}

func (list) Describe() sdk.Description {
	return sdk.Description{Name: "list", Version: "1.0.0", Kinds: []sdk.Kind{sdk.Password}}
}

// A whole plugin: what stands here as Example is its main.
func Example() {
	sdk.Serve(list{})
}
