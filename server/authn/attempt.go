package authn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash/maphash"
	"net/netip"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// attempt is one credential, as far as it matters who guesses at whom: never
// the credential itself.
type attempt struct {
	kind         sdk.Kind
	issuer       string
	name         string // of the person, key or client, in its normal form; "" where it has none
	organisation string
	client       string
	address      netip.Prefix
}

// clientSecret is the kind of attempt that a client's secret is.
const clientSecret sdk.Kind = "client_secret"

// guessable reports whether the secret is one that a person chose.
func (a *attempt) guessable() bool { return a.kind != sdk.APIKey && a.kind != clientSecret }

func newAttempt(issuer string, r sdk.Request) attempt {
	a := attempt{
		kind: r.Credential.Kind, issuer: issuer, client: r.ClientID,
		organisation: normal(r.Attributes["organisation"]), address: block(r.Remote),
	}
	switch a.kind {
	case sdk.APIKey:
		a.name = keyID(r.Credential.Secret.Reveal())
	default:
		a.name = normal(r.Credential.Username)
	}
	return a
}

// keyID returns the public part of one of our API keys, csk_ and an id of 11
// characters, and nothing of any other.
func keyID(key string) string {
	const prefix, size = "csk_", len("csk_") + 11
	if !strings.HasPrefix(key, prefix) || len(key) < 2*size {
		return ""
	}
	return key[:size]
}

// normal returns a name as most directories compare it, without the domain that
// some put before it.
func normal(name string) string {
	if plain(name) {
		return name
	}
	name = name[strings.LastIndexByte(name, '\\')+1:]
	return strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(name))), " ")
}

// plain reports whether a name is in its normal form for certain.
func plain(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '\\' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// block returns the addresses that count as one: who has one IPv6 address has
// a /64 of them.
func block(a netip.Addr) netip.Prefix {
	a = a.WithZone("").Unmap()
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// scope is what failures are counted by.
type scope byte

const (
	strangers scope = 's' // a person from all addresses that are not known together
	friends   scope = 'f' // and from all that are
	pair      scope = 'p' // a person from one address
	address   scope = 'a'
	client    scope = 'c'
	household scope = 'h' // credentials without a name, from a known address
)

// String returns the scope as events and metrics name it.
func (s scope) String() string {
	switch s {
	case address, household:
		return "address"
	case client:
		return "client"
	default:
		return "person"
	}
}

// scopes returns what a failure of the attempt counts for.
func (a *attempt) scopes(known bool) []scope {
	switch {
	case known && a.name == "":
		return scopesOf.nameless
	case known:
		return scopesOf.known
	case a.name == "":
		return scopesOf.unnamed
	default:
		return scopesOf.all
	}
}

var scopesOf = struct{ all, known, unnamed, nameless []scope }{
	all:      []scope{strangers, pair, address, client},
	known:    []scope{friends},
	unnamed:  []scope{address, client},
	nameless: []scope{household},
}

// append appends what tells the attempt's scope from all others.
func (a *attempt) append(b []byte, s scope, organisations bool) []byte {
	b = append(b, byte(s))
	b = append(append(b, a.issuer...), 0)
	if s == client {
		return append(b, a.client...)
	}
	if s == pair || s == address || s == household {
		ip, bits := a.address.Addr().As16(), a.address.Bits()
		b = append(append(b, byte(bits)), ip[:]...)
	}
	if s == address {
		return b
	}
	b = append(append(b, a.kind...), 0)
	b = append(append(b, a.name...), 0)
	if s == pair || organisations {
		b = append(b, a.organisation...)
	}
	return b
}

// hash returns the key of a scope in memory.
func (a *attempt) hash(seed maphash.Seed, s scope, organisations bool) uint64 {
	var buffer [256]byte
	return maphash.Bytes(seed, a.append(buffer[:0], s, organisations))
}

// key returns the key of a scope in storage: without the secret it tells
// nobody who is meant.
func (a *attempt) key(secret []byte, s scope, organisations bool) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(a.append(nil, s, organisations))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}
