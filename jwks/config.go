package jwks

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/jwks/internal/jwk"
)

// What a zero field of a [Config] stands for. A day of announcement outlasts
// the fixed intervals, of up to some hours, by which many services cache a key
// set whatever its headers say.
const (
	DefaultAlgorithm   = "ES256"
	DefaultRotateEvery = 30 * 24 * time.Hour
	DefaultAnnounce    = 24 * time.Hour
	DefaultMaxAge      = 5 * time.Minute
	DefaultRetain      = 24 * time.Hour
	DefaultSkew        = time.Minute
	DefaultPoll        = 15 * time.Second
)

// A Config says whose keys a [Ring] holds and how they live. Rings that share a
// store and an issuer should agree in all of it.
type Config struct {
	// Issuer names the set in the store; each sealed key is bound to it.
	Issuer string

	// Algorithms are those that the ring signs with, at least one key each;
	// the first is the default. Nil: ES256. One that is added to an issuer
	// signs at once, so services may need their next look at the key set to
	// know its first key. One that is removed keeps its key published until
	// no replica can be using it.
	Algorithms []string

	// RSABits is the size of new RSA keys, from 2048 to 8192. 0: 2048.
	RSABits int

	// RotateEvery is how long a key signs. 0: 30 days.
	RotateEvery time.Duration

	// Announce is how long a key is published before it signs: at least
	// MaxAge + Skew, at most RotateEvery. 0: 24 hours, or half of RotateEvery
	// if that is less.
	Announce time.Duration

	// MaxAge is how long services may cache the key set. 0: 5 minutes.
	MaxAge time.Duration

	// Retain is the lifetime of the longest-lived token. A retired key stays
	// published for Retain + Skew + Poll. 0: 24 hours.
	Retain time.Duration

	// Skew is by how much any two clocks may differ, those of replicas and of
	// services that verify. 0: 1 minute.
	Skew time.Duration

	// Poll is how often [Ring.Run] looks for changes that others made: at
	// most Announce - Skew. 0: 15 seconds, or a quarter of that if it is less.
	Poll time.Duration

	Store  Store        // where the keys are kept; required
	Sealer *Sealer      // seals them at rest; required
	Log    *slog.Logger // told of every change; nil: slog.Default()

	// Signer holds keys instead of this process. Nil: they are in memory.
	Signer Signer
	// Local has new keys in memory all the same: Signer holds those of before,
	// until the last of them is gone.
	Local bool

	Observer Observer // told of every token and change; nil: nobody
}

// Check explains, all at once, what in c would make services reject tokens.
// Store and Sealer are not looked at.
func (c Config) Check() error {
	c = c.withDefaults()
	return errors.Join(c.checkAlgorithms(), c.checkDurations(), c.checkPromise())
}

func (c Config) checkAlgorithms() error {
	var errs []error
	for i, name := range c.Algorithms {
		if algorithms[name] == nil {
			errs = append(errs, fmt.Errorf("algorithm %q is not known: want %s", name, strings.Join(algorithmNames, ", ")))
		}
		if slices.Contains(c.Algorithms[:i], name) {
			errs = append(errs, fmt.Errorf("algorithm %q is named twice", name))
		}
	}
	if c.RSABits < jwk.MinRSABits || c.RSABits > jwk.MaxRSABits {
		errs = append(errs, fmt.Errorf("RSA keys of %d bits: want %d to %d", c.RSABits, jwk.MinRSABits, jwk.MaxRSABits))
	}
	return errors.Join(errs...)
}

func (c Config) checkDurations() error {
	var errs []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"rotate_every", c.RotateEvery}, {"announce", c.Announce}, {"max_age", c.MaxAge},
		{"retain", c.Retain}, {"skew", c.Skew}, {"poll", c.Poll},
	} {
		if d.value < time.Millisecond {
			errs = append(errs, fmt.Errorf("%s %s: want at least 1ms", d.name, d.value))
		}
	}
	return errors.Join(errs...)
}

func (c Config) checkPromise() error {
	var errs []error
	if need := c.MaxAge + c.Skew; c.Announce < need {
		errs = append(errs, fmt.Errorf("announce %s is shorter than max_age %s + skew %s: a service that cached the key set just before a key was announced would meet its tokens without knowing it; announce for at least %s, or lower max_age", c.Announce, c.MaxAge, c.Skew, need))
	}
	if c.RotateEvery < c.Announce {
		errs = append(errs, fmt.Errorf("rotate_every %s is shorter than announce %s: a key would have to be replaced before its successor may sign; rotate less often, or announce for a shorter time", c.RotateEvery, c.Announce))
	}
	if c.Poll > c.Announce-c.Skew {
		errs = append(errs, fmt.Errorf("poll %s is longer than announce %s - skew %s: a replica could learn of a key only after others sign with it; poll more often", c.Poll, c.Announce, c.Skew))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{DefaultAlgorithm}
	}
	c.RSABits = cmp.Or(c.RSABits, jwk.MinRSABits)
	c.RotateEvery = cmp.Or(c.RotateEvery, DefaultRotateEvery)
	c.Announce = cmp.Or(c.Announce, min(DefaultAnnounce, c.RotateEvery/2))
	c.MaxAge = cmp.Or(c.MaxAge, DefaultMaxAge)
	c.Retain = cmp.Or(c.Retain, DefaultRetain)
	c.Skew = cmp.Or(c.Skew, DefaultSkew)
	c.Poll = cmp.Or(c.Poll, min(DefaultPoll, (c.Announce-c.Skew)/4))
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	return c
}

// freshFor is how long a read of the set may be relied on: a key that was made
// after it cannot sign, nor its predecessor retire, sooner.
func (c Config) freshFor() time.Duration { return c.Announce - c.Skew }

// hold is how long a retired key stays published. Poll is for the replica that
// learns of an emergency last and signs with the old key until then.
func (c Config) hold() time.Duration { return c.Retain + c.Skew + c.Poll }
