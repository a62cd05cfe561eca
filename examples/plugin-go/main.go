// Command partnerkeys is a claimsmith plugin: it judges the API keys of
// partners by their hashes, which its configuration lists.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// keys is the plugin, and its configuration: what each key stands for, by the
// hexadecimal SHA-256 of the key.
type keys struct {
	Keys map[string]sdk.Identity `json:"keys"`
}

func main() { sdk.Serve(new(keys)) }

func (k *keys) Describe() sdk.Description {
	return sdk.Description{Name: "partnerkeys", Version: "1.0.0", Kinds: []sdk.Kind{sdk.APIKey}}
}

func (k *keys) Configure(_ context.Context, config json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	return d.Decode(k)
}

func (k *keys) Authenticate(_ context.Context, r sdk.Request) (sdk.Identity, error) {
	hash := sha256.Sum256([]byte(r.Credential.Secret.Reveal()))
	if id, ok := k.Keys[hex.EncodeToString(hash[:])]; ok {
		return id, nil
	}
	return sdk.Identity{}, sdk.ErrUnknown
}
