package oauth

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

func TestKnownTokensAreBounded(t *testing.T) {
	k, start := newKnownTokens(), time.Now()
	sumOf := func(n int) [sha256.Size]byte { return sha256.Sum256(binary.AppendVarint(nil, int64(n))) }
	for n := range 3 * maxKnownTokens {
		k.keep(sumOf(n), &knownToken{token: FoundToken{Expires: start.Add(time.Duration(n))}}, longestKnown)
	}
	k.keep(sumOf(-1), &knownToken{}, longestKnown+1)
	if n := len(k.bySum); n != maxKnownTokens {
		t.Errorf("%d tokens are remembered, want %d", n, maxKnownTokens)
	}
	if k.get(sumOf(-1)) != nil || k.get(sumOf(3*maxKnownTokens-1)) == nil {
		t.Error("a token that is too long is remembered, or the last one is not")
	}
	old := 0
	for n := range maxKnownTokens {
		if k.get(sumOf(n)) != nil {
			old++
		}
	}
	if old > maxKnownTokens/16 {
		t.Errorf("%d of the tokens that ended first are remembered", old)
	}
}
