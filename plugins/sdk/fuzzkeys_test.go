package sdk

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// answering is a plugin that answers every call about keys with the same bytes.
type answering struct {
	pluginpb.PluginClient
	bytes []byte
}

func (a answering) GenerateKey(context.Context, *pluginpb.GenerateKeyRequest, ...grpc.CallOption) (*pluginpb.GenerateKeyResponse, error) {
	m := new(pluginpb.GenerateKeyResponse)
	return m, proto.Unmarshal(a.bytes, m)
}

func (a answering) Sign(context.Context, *pluginpb.SignRequest, ...grpc.CallOption) (*pluginpb.SignResponse, error) {
	m := new(pluginpb.SignResponse)
	return m, proto.Unmarshal(a.bytes, m)
}

// FuzzKeys feeds what a plugin that holds keys might answer: it is refused, or a
// key that has a name and can be published, or a signature within bounds.
func FuzzKeys(f *testing.F) {
	der, err := base64.StdEncoding.DecodeString("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=") // RFC 8037, appendix A.2
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []proto.Message{
		&pluginpb.GenerateKeyResponse{Ref: "x", PublicKey: der},
		&pluginpb.GenerateKeyResponse{Failure: &pluginpb.Failure{Kind: pluginpb.Failure_DENIED, RetryAfterMs: -1}},
		&pluginpb.SignResponse{Signature: make([]byte, maxSignature+1)},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &Client{rpc: answering{bytes: b}, description: Description{Abilities: []Ability{AbilitySign}}}
		if ref, public, err := c.Generate(t.Context(), "ES256"); err == nil {
			if err := checkRef(ref); err != nil {
				t.Error(err)
			}
			if _, err := x509.MarshalPKIXPublicKey(public); err != nil {
				t.Errorf("a key that cannot be published: %v", err)
			}
		}
		if signature, err := c.Sign(t.Context(), "x", b, crypto.SHA256); err == nil && (len(signature) == 0 || len(signature) > maxSignature) {
			t.Errorf("a signature of %d bytes", len(signature))
		}
	})
}
