package nearest_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/internal/nearest"
)

func TestName(t *testing.T) {
	known := []string{"chain", "clients", "claims", "url"}
	for name, want := range map[string]string{
		"chian": "chain", "client": "clients", "Claims": "claims", "claim": "claims", "uri": "url",
		"": "", "password": "", "x": "",
	} {
		if got := nearest.Name(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
