package sdk

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/claimsmith/claimsmith/plugins/sdk/internal/pluginpb"
)

// FuzzIdentity feeds what a plugin might answer: it is refused, or is an
// identity that is within bounds and survives being sent once more.
func FuzzIdentity(f *testing.F) {
	for _, m := range []*pluginpb.Identity{
		{Subject: "x", Claims: []byte(`{"a":1,"b":[1.5,{"c":-2}],"d":1e400}`)},
		{Subject: "x", Scopes: &pluginpb.StringList{}, ExpiresMs: -1, Units: []string{""}},
		{Subject: "x", ExpiresMs: 1 << 62, Claims: []byte(`null`)},
	} {
		b, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &pluginpb.Identity{}
		if proto.Unmarshal(b, m) != nil {
			return
		}
		id, err := identityFromWire(m)
		if err != nil {
			return
		}
		if err := id.Check(); err != nil {
			t.Fatal(err)
		}
		again, err := identityToWire(id)
		if err != nil {
			if len(m.Claims) > MaxClaims/8 { // escaping makes them longer
				return
			}
			t.Fatal(err)
		}
		same, err := identityFromWire(again)
		if err != nil || !same.Expires.Equal(id.Expires) {
			t.Fatalf("%+v, %v", same, err)
		}
		same.Expires = id.Expires
		if !reflect.DeepEqual(id, same) && !reflect.DeepEqual(emptied(id), emptied(same)) {
			t.Fatalf("%+v became %+v", id, same)
		}
	})
}

// emptied drops the claims: a float that is whole, as 1.0, is sent on as an integer.
func emptied(id Identity) Identity {
	id.Claims = nil
	return id
}
