package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// A doctorCheck is one question to a service. Run returns what is wrong, "" for
// nothing.
type doctorCheck struct {
	name    string
	serious bool
	advice  string
	run     func(ctx context.Context, d *doctor) (problem string, err error)
}

// doctorChecks build on one another: each leaves a service that works.
var doctorChecks = []doctorCheck{
	{"refuses what is no valid token", true,
		"check signature, iss, aud, exp and typ, and pin the algorithms to those of public keys", refusesInvalid},
	{"survives an outage of the issuer", true,
		"keep the keys that are known when they cannot be fetched", survivesOutage},
	{"survives a rotation", true,
		"fetch the key set again when its Cache-Control runs out, and when a token names a kid that is not in it", survivesRotation},
	{"asks sparingly for kids that do not exist", false,
		"wait a second or more between two requests for unknown kids: whoever calls the service can make them up", asksSparingly},
	{"learns of a key that was not announced", false,
		"fetch the key set again when a token names a kid that is not in it: in an emergency a key signs at once", survivesEmergency},
	{"forgets a revoked key", false,
		"fetch the key set again when its Cache-Control runs out, and drop what it no longer has", forgetsRevoked},
}

func refusesInvalid(ctx context.Context, d *doctor) (string, error) {
	var accepted []string
	try := func(name, token string, err error) error {
		if err != nil {
			return err
		}
		ok, err := d.accepts(ctx, token)
		if ok {
			accepted = append(accepted, name)
		}
		return err
	}
	for _, t := range []struct {
		name, typ string
		changes   map[string]any
	}{
		{"one that has expired", "at+jwt", map[string]any{"exp": time.Now().Add(-10 * time.Minute).Unix()}},
		{"one for another service", "at+jwt", map[string]any{"aud": "https://doctor.invalid"}},
		{"one of another issuer", "at+jwt", map[string]any{"iss": "https://doctor.invalid"}},
		{"one that is no access token", "JWT", nil},
	} {
		token, err := d.token(ctx, t.typ, t.changes)
		if err := try(t.name, token, err); err != nil {
			return "", err
		}
	}
	good, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return "", err
	}
	part := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`))
	for name, token := range map[string]string{
		"none at all":                "",
		"one that is not signed":     none + "." + part[1] + ".",
		"one with another signature": part[0] + "." + part[1] + "." + strings.Repeat("A", len(part[2])),
	} {
		if err := try(name, token, nil); err != nil {
			return "", err
		}
	}
	if len(accepted) > 0 {
		return "it accepts " + strings.Join(accepted, ", "), nil
	}
	return "", nil
}

func survivesRotation(ctx context.Context, d *doctor) (string, error) {
	old, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return "", err
	}
	successors, err := d.ring.Rotate(ctx, false)
	if err != nil {
		return "", err
	}
	if err := sleepFor(ctx, time.Until(successors[0].Active)); err != nil {
		return "", err
	}
	if ok, err := d.acceptsNew(ctx); err != nil || !ok {
		return fmt.Sprintf("it rejects a token of a key that was published %s before, with max-age %s", doctorAnnounce, doctorMaxAge), err
	}
	if ok, err := d.accepts(ctx, old); err != nil || !ok {
		return "it rejects a token of the former key, which is still published", err
	}
	return "", nil
}

func survivesOutage(ctx context.Context, d *doctor) (string, error) {
	token, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return "", err
	}
	d.down.Store(true)
	defer d.down.Store(false)
	ends := time.Now().Add(3 * doctorMaxAge)
	lasts := func() bool { return time.Now().Before(ends) }
	if ok, err := d.acceptsWhile(ctx, token, lasts); err != nil || !ok {
		return "it rejects tokens of a key that it knew", err
	}
	d.down.Store(false)
	fetches, patience := d.fetches.Load(), time.Now().Add(10*time.Second)
	pauses := func() bool { // as one may who was refused
		return d.refused.Load() > 0 && d.fetches.Load() == fetches && time.Now().Before(patience)
	}
	if ok, err := d.acceptsWhile(ctx, token, pauses); err != nil || !ok {
		return "it rejects tokens of a key that it knew, after the outage", err
	}
	return "", nil
}

func asksSparingly(ctx context.Context, d *doctor) (string, error) {
	good, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return "", err
	}
	_, rest, _ := strings.Cut(good, ".")
	start, before := time.Now(), d.fetches.Load()
	const calls = 50
	for i := range calls {
		header := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"ES256","kid":"made up %d","typ":"at+jwt"}`, i))
		if _, err := d.accepts(ctx, header+"."+rest); err != nil {
			return "", err
		}
	}
	if n := d.fetches.Load() - before; int(n) > 5+int(time.Since(start).Seconds()*2) {
		return fmt.Sprintf("%d tokens of kids that do not exist made it fetch the key set %d times", calls, n), nil
	}
	return "", sleepFor(ctx, 5*time.Second) // its pause may be under way
}

func survivesEmergency(ctx context.Context, d *doctor) (string, error) {
	if _, err := d.ring.Rotate(ctx, true); err != nil {
		return "", err
	}
	start := time.Now()
	if err := d.await(ctx, 5*doctorMaxAge); err != nil {
		return fmt.Sprintf("it rejects its tokens for longer than %s", time.Since(start).Round(time.Second)), ctx.Err()
	}
	return "", nil
}

func forgetsRevoked(ctx context.Context, d *doctor) (string, error) {
	token, err := d.token(ctx, "at+jwt", nil)
	if err != nil {
		return "", err
	}
	if err := d.await(ctx, 5*doctorMaxAge); err != nil { // the emergency is over
		return "it does not know the key that signs", ctx.Err()
	}
	v, err := d.ring.Verify(ctx, token)
	if err != nil {
		return "", err
	}
	if _, err := d.ring.Revoke(ctx, v.KID); err != nil {
		return "", err
	}
	end := time.Now().Add(5 * doctorMaxAge)
	if ok, err := d.acceptsWhile(ctx, token, func() bool { return time.Now().Before(end) }); err != nil || !ok {
		return "", err
	}
	return fmt.Sprintf("it accepts its tokens %s after it was revoked, with max-age %s", 5*doctorMaxAge, doctorMaxAge), nil
}
