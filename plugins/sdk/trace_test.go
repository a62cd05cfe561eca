package sdk_test

import (
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func TestTraceparent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, tt := range []struct {
		sent []string
		want string
	}{
		{[]string{good}, good},
		{nil, ""},
		{[]string{""}, ""},
		{[]string{good, good}, ""},
		{[]string{good + "-x"}, ""},
		{[]string{good[1:]}, ""},
		{[]string{strings.Replace(good, "c-b", "g-b", 1)}, ""},
		{[]string{strings.Repeat("-", 1<<10)}, ""},
	} {
		ctx := metadata.NewIncomingContext(t.Context(), metadata.MD{"traceparent": tt.sent})
		if got := sdk.Traceparent(ctx); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.sent, got, tt.want)
		}
	}
	if got := sdk.Traceparent(t.Context()); got != "" {
		t.Errorf("outside a call: %q", got)
	}
}
