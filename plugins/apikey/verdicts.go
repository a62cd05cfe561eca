package apikey

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// stalePause is how long a service that failed is not asked about a key that is
// let in without it.
const stalePause = time.Second

// verdicts remembers what a service said of a key, by the key's SHA-256, and asks
// once where many wait for the same. That it cannot tell is not remembered.
// Good keys and others have rooms of their own: guesses push out no good key.
type verdicts struct {
	ask      func(ctx context.Context, text string) (*Record, error)
	timeout  time.Duration // of a question
	keep     time.Duration // a good key
	refuse   time.Duration // another
	stale    time.Duration // a good key, after that, while the service cannot be asked
	good     *recent[[32]byte, verdict]
	refused  *recent[[32]byte, verdict]
	underway singleflight.Group
}

// verdict is what a service said of a key.
type verdict struct {
	record *Record // nil where err says why
	err    error
	until  time.Time // when it is asked again
	end    time.Time // how long a record may be stale
}

func newVerdicts(c Config, ask func(context.Context, string) (*Record, error)) *verdicts {
	size := cmp.Or(c.CacheKeys, 10_000)
	return &verdicts{
		ask:     ask,
		timeout: cmp.Or(time.Duration(c.Timeout), 3*time.Second),
		keep:    c.Cache.or(10 * time.Second),
		refuse:  c.CacheRefused.or(2 * time.Second),
		stale:   time.Duration(c.StaleIfError),
		good:    newRecent[[32]byte, verdict](size),
		refused: newRecent[[32]byte, verdict](size),
	}
}

// find returns what is known of a key, or asks.
func (v *verdicts) find(ctx context.Context, text string) (*Record, error) {
	hash, now := sha256.Sum256([]byte(text)), time.Now()
	for _, known := range []*recent[[32]byte, verdict]{v.good, v.refused} {
		if found, ok := known.get(hash); ok && now.Before(found.until) {
			return found.record, found.err
		}
	}
	// Who asks may give up while others wait for the same.
	asked := v.underway.DoChan(string(hash[:]), func() (any, error) {
		return v.renew(context.WithoutCancel(ctx), hash, text)
	})
	select {
	case answer := <-asked:
		found, _ := answer.Val.(*Record)
		return found, answer.Err
	case <-ctx.Done():
		return nil, sdk.Unavailable(ctx.Err())
	}
}

// renew asks and remembers the answer.
func (v *verdicts) renew(ctx context.Context, hash [32]byte, text string) (found *Record, err error) {
	defer func() {
		if p := recover(); p != nil { // it is in no call of the plugin's
			slog.Error("plugin panicked", "call", "verify", "stack", string(debug.Stack()))
			found, err = nil, sdk.Unavailable(errors.New("the plugin panicked; its log holds the stack"))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	begun := time.Now() // the answer is at most as old
	found, err = v.ask(ctx, text)
	switch {
	case err == nil:
		v.good.put(hash, v.accepted(found, begun))
	case errors.Is(err, sdk.ErrUnknown), errors.Is(err, sdk.ErrDenied):
		v.good.drop(hash)
		if v.refuse > 0 {
			v.refused.put(hash, verdict{err: err, until: begun.Add(v.refuse)})
		}
	default:
		return v.excuse(hash, err)
	}
	return found, err
}

// accepted is what is remembered of a good key, which is asked about again once
// it has ended.
func (v *verdicts) accepted(r *Record, now time.Time) verdict {
	known := verdict{record: r, until: now.Add(v.keep), end: now.Add(v.keep + v.stale)}
	switch {
	case r.Expires.IsZero(), r.Expires.After(known.until):
	case r.Expires.After(now):
		known.until = r.Expires
	default:
		known.until = now.Add(v.refuse)
	}
	return known
}

// excuse returns what was known of a key that the service cannot be asked about, if
// that may be.
func (v *verdicts) excuse(hash [32]byte, cause error) (*Record, error) {
	known, ok := v.good.get(hash)
	now := time.Now()
	if !ok || !now.Before(known.end) {
		return nil, cause
	}
	slog.Warn("let in an API key by an old answer", "api_key_id", known.record.ID,
		"asked_before", now.Sub(known.end.Add(-v.keep-v.stale)).Round(time.Second).String(), "error", cause)
	if known.until = now.Add(stalePause); known.until.After(known.end) {
		known.until = known.end
	}
	v.good.put(hash, known)
	return known.record, nil
}
