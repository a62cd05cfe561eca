package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Check is one thing that a plugin must do.
type Check struct {
	Name string
	run  func(context.Context, *Session) error
}

// Run returns nil, a Skip if the check does not apply to the plugin, or what
// the plugin did wrong.
func (c Check) Run(ctx context.Context, s *Session) error { return c.run(ctx, s) }

// Skip says why a check does not apply.
type Skip string

func (s Skip) Error() string { return string(s) }

const errNoCredential = Skip("no credential was given")

// Checks returns all checks, in the order in which they are to run.
func Checks() []Check {
	return []Check{
		{"describes itself", describes},
		{"good credential", goodCredential},
		{"wrong secret", wrongSecret},
		{"unknown principal", unknownPrincipal},
		{"empty secret", emptySecret},
		{"hostile input", hostileInput},
		{"unknown attributes", unknownAttributes},
		{"cancelled call", cancelledCall},
		{"200 concurrent calls", concurrentCalls},
		{"refresh", refresh},
		{"lookup", lookup},
		{"keys of each algorithm", everyAlgorithm},
		{"keys apart", keysAreApart},
		{"200 concurrent signatures", signTogether},
		{"bad configuration", badConfiguration},
		{"start beside another", besideAnother},
		{"panic inside a call", panicInside},
		{"huge claims", hugeClaims},
		{"secrets stay secret", secretsStaySecret}, // last: it reads what the others provoked
	}
}

// stranger is nobody's name.
const stranger = "nobody-7f3a91c2"

func describes(_ context.Context, s *Session) error {
	d := s.client.Describe()
	if (d.Name == "") != (d.Version == "") {
		return fmt.Errorf("name %q, version %q: operators are shown both", d.Name, d.Version)
	}
	for _, c := range s.good() {
		if !d.Judges(c.Kind) {
			return fmt.Errorf("it says that it judges %v, and is tested with %s", d.Kinds, c.Kind)
		}
	}
	if len(d.Schema) > 0 {
		var schema map[string]any
		if err := json.Unmarshal(d.Schema, &schema); err != nil {
			return fmt.Errorf("the schema is no JSON object: %w", err)
		}
		if !d.Can(sdk.AbilityConfigure) {
			return errors.New("it has a schema and no configuration")
		}
	}
	return nil
}

func goodCredential(ctx context.Context, s *Session) error {
	good := s.good()
	if len(good) == 0 {
		return errNoCredential
	}
	for _, c := range good {
		first, err := s.ask(ctx, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Kind, err)
		}
		again, err := s.ask(ctx, c)
		if err != nil {
			return fmt.Errorf("%s, again: %w", c.Kind, err)
		}
		if first.Subject != again.Subject {
			return fmt.Errorf("%s: subject %q, then %q: it must be stable", c.Kind, first.Subject, again.Subject)
		}
	}
	return nil
}

func wrongSecret(ctx context.Context, s *Session) error {
	if len(s.good()) == 0 {
		return errNoCredential
	}
	for _, c := range s.good() {
		right := c.Secret
		for _, wrong := range []sdk.Secret{right + "x", right[:len(right)-1], "x" + right[1:] + "x", "wrong"} {
			if c.Secret = wrong; wrong == right || wrong == "" {
				continue
			}
			id, err := s.ask(ctx, c)
			if err := refused(c, id, err); err != nil {
				return err
			}
			if c.Kind == sdk.Password && !errors.Is(err, sdk.ErrDenied) {
				return fmt.Errorf("a known name with a wrong password: %w, want denied", err)
			}
		}
	}
	return nil
}

func unknownPrincipal(ctx context.Context, s *Session) error {
	if len(s.good()) == 0 {
		return errNoCredential
	}
	for _, c := range s.good() {
		if c.Kind == sdk.Password {
			c.Username = stranger
		} else {
			c.Secret = stranger
		}
		if _, err := s.ask(ctx, c); !errors.Is(err, sdk.ErrUnknown) && (c.Kind == sdk.Password || !errors.Is(err, sdk.ErrDenied)) {
			return fmt.Errorf("%s that nobody has: %w, want unknown", c.Kind, orAccepted(err))
		}
	}
	return nil
}

func emptySecret(ctx context.Context, s *Session) error {
	if len(s.good()) == 0 {
		return errNoCredential
	}
	for _, c := range s.good() {
		for _, name := range []string{c.Username, stranger, ""} {
			c.Username, c.Secret = name, ""
			id, err := s.ask(ctx, c)
			if err := refused(c, id, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// hostileInput sends what others have choked on; each is refused, and nothing breaks.
func hostileInput(ctx context.Context, s *Session) error {
	var names []string
	for _, c := range s.good() {
		names = append(names, c.Username)
	}
	for _, text := range []string{
		"*", "a*", "*)(uid=*))(|(uid=*", "' or '1'='1", "'; drop table users; --", `"`, `\`, "%", "$(id)", "${jndi:x}",
		"\x01\x7f", "a\r\nb", "🙂", strings.Repeat("a", sdk.MaxUsername), strings.Repeat("ä", sdk.MaxUsername/2),
	} {
		if slices.Contains(names, text) {
			continue
		}
		for _, c := range []sdk.Credential{
			{Kind: sdk.Password, Username: text, Secret: sdk.Secret(text)},
			{Kind: sdk.Password, Username: text, Secret: sdk.Secret(strings.Repeat("x", sdk.MaxSecret))},
			{Kind: sdk.Password, Username: stranger, Secret: sdk.Secret(text + "\x00\xff")},
			{Kind: sdk.APIKey, Secret: sdk.Secret(text)},
			{Kind: sdk.Assertion, Type: "urn:example:" + stranger, Secret: sdk.Secret(text + "\x00\xff")},
		} {
			id, err := s.ask(ctx, c)
			if err := refused(c, id, err); err != nil {
				return fmt.Errorf("%q: %w", text[:min(len(text), 40)], err)
			}
		}
	}
	return goodOrSkipped(ctx, s)
}

func cancelledCall(ctx context.Context, s *Session) error {
	if len(s.good()) == 0 {
		return errNoCredential
	}
	for _, c := range s.good() {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := s.ask(cancelled, c); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			return fmt.Errorf("cancelled before: %w, want unavailable", orAccepted(err))
		}
		hasty, cancel := context.WithTimeout(ctx, time.Millisecond)
		_, err := s.ask(hasty, c)
		cancel()
		if err != nil && !errors.Is(err, sdk.ErrUnavailable) {
			return fmt.Errorf("deadline passed: %w, want unavailable", err)
		}
	}
	return goodOrSkipped(ctx, s)
}

// concurrentCalls accepts a plugin that is busy, and not one that is wrong.
func concurrentCalls(ctx context.Context, s *Session) error {
	good := s.good()
	if len(good) == 0 {
		return errNoCredential
	}
	subjects := make([]string, len(good))
	for i, c := range good {
		id, err := s.ask(ctx, c)
		if err != nil {
			return err
		}
		subjects[i] = id.Subject
	}
	faults := make([]error, 200)
	answered := make([]bool, len(faults))
	var wg sync.WaitGroup
	for n := range faults {
		wg.Go(func() {
			c, subject := good[n%len(good)], subjects[n%len(good)]
			wrong := n%4 == 3
			if wrong {
				c.Secret += "x"
			}
			id, err := s.ask(ctx, c)
			switch {
			case errors.Is(err, sdk.ErrUnavailable):
			case wrong && err == nil:
				faults[n] = fmt.Errorf("a wrong secret was accepted as %q", id.Subject)
			case !wrong && err != nil:
				faults[n] = fmt.Errorf("a good credential: %w", err)
			case !wrong && id.Subject != subject:
				faults[n] = fmt.Errorf("subject %q instead of %q", id.Subject, subject)
			default:
				answered[n] = true
			}
		})
	}
	wg.Wait()
	if !slices.Contains(answered, true) {
		faults = append(faults, errors.New("every call was answered with unavailable"))
	}
	return errors.Join(faults...)
}

// refused returns an error unless err refuses the credential; that the plugin
// cannot tell is no refusal: bad input is not an outage.
func refused(c sdk.Credential, id sdk.Identity, err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s of %q was accepted as %q", c.Kind, c.Username, id.Subject)
	case !errors.Is(err, sdk.ErrDenied) && !errors.Is(err, sdk.ErrUnknown):
		return fmt.Errorf("%s of %q: %w, want denied or unknown", c.Kind, c.Username, err)
	}
	return nil
}

// orAccepted makes the lack of an error printable.
func orAccepted(err error) error {
	if err == nil {
		return errors.New("it was accepted")
	}
	return err
}

// goodOrSkipped checks that the plugin still works.
func goodOrSkipped(ctx context.Context, s *Session) error {
	err := goodCredential(ctx, s)
	if _, skip := errors.AsType[Skip](err); err == nil || skip {
		return nil
	}
	return fmt.Errorf("afterwards: %w", err)
}
