package jwks_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/jwks/jwkstest"
)

func TestMemoryStore(t *testing.T) {
	jwkstest.TestStore(t, func(*testing.T) jwks.Store { return new(jwks.MemoryStore) })
}
