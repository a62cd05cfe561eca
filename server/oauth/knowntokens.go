package oauth

import (
	"crypto/sha256"
	"sync"

	"github.com/claimsmith/claimsmith/jwks"
)

// The bounds of knownTokens: at most some megabytes.
const (
	maxKnownTokens  = 4096
	longestKnown    = 2 << 10 // bytes of a token
	tokenSampleSize = 8
)

// knownTokens remembers access tokens that verified, by the hash of their text.
// A verification costs more than a signature. It never says that a token is
// valid: key, end, client and revocation are asked about each time.
type knownTokens struct {
	mu    sync.RWMutex
	bySum map[[sha256.Size]byte]*knownToken
}

// knownToken is shared by those who ask: nobody writes to it.
type knownToken struct {
	token    FoundToken
	verified jwks.Verified // KID and Algorithm
}

func newKnownTokens() *knownTokens {
	return &knownTokens{bySum: map[[sha256.Size]byte]*knownToken{}}
}

func (k *knownTokens) get(sum [sha256.Size]byte) *knownToken {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.bySum[sum]
}

// keep remembers a token of that length, in place of the one of a few that ends
// first where there is no room.
func (k *knownTokens) keep(sum [sha256.Size]byte, t *knownToken, length int) {
	if length > longestKnown {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.bySum) >= maxKnownTokens {
		delete(k.bySum, k.dispensable())
	}
	k.bySum[sum] = t
}

// dispensable is, of a few tokens whichever come, the one that ends first.
func (k *knownTokens) dispensable() (first [sha256.Size]byte) {
	n := 0
	for sum, t := range k.bySum {
		if n == 0 || t.token.Expires.Before(k.bySum[first].token.Expires) {
			first = sum
		}
		if n++; n == tokenSampleSize {
			break
		}
	}
	return first
}
