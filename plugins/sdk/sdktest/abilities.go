package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

func refresh(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilityRefresh) {
		return Skip("the plugin cannot refresh")
	}
	for _, c := range s.good() {
		id, err := s.ask(ctx, c)
		if err != nil {
			return err
		}
		now, err := s.client.Refresh(ctx, id)
		if s.note(err) != nil {
			return fmt.Errorf("refresh of a good identity: %w", err)
		}
		if now.Subject != id.Subject {
			return fmt.Errorf("refresh made subject %q of %q", now.Subject, id.Subject)
		}
	}
	_, err := s.client.Refresh(ctx, sdk.Identity{Subject: stranger, Username: stranger})
	if s.note(err); !errors.Is(err, sdk.ErrUnknown) && !errors.Is(err, sdk.ErrDenied) {
		return fmt.Errorf("refresh of nobody: %w, want unknown or denied", orAccepted(err))
	}
	return nil
}

func lookup(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilityLookup) {
		return Skip("the plugin cannot look up")
	}
	for _, c := range s.good() {
		id, err := s.ask(ctx, c)
		if err != nil {
			return err
		}
		for _, name := range []string{id.Subject, c.Username} {
			if name == "" {
				continue
			}
			found, err := s.client.Lookup(ctx, name)
			if s.note(err) != nil {
				return fmt.Errorf("look up %q: %w", name, err)
			}
			if found.Subject != id.Subject {
				return fmt.Errorf("look up %q: found %q, want %q", name, found.Subject, id.Subject)
			}
		}
	}
	if _, err := s.client.Lookup(ctx, stranger); !errors.Is(s.note(err), sdk.ErrUnknown) {
		return fmt.Errorf("look up nobody: %w, want unknown", orAccepted(err))
	}
	return nil
}

func badConfiguration(ctx context.Context, s *Session) error {
	if !s.client.Describe().Can(sdk.AbilityConfigure) {
		return Skip("the plugin has no configuration")
	}
	bad := []json.RawMessage{json.RawMessage(`{"no_such_setting_7f3a91c2": true}`), json.RawMessage(`[]`), json.RawMessage(`"text"`)}
	if s.plugin.BadConfig != nil {
		bad = append(bad, s.plugin.BadConfig)
	}
	for _, config := range bad {
		_, stop, err := s.start(ctx, config)
		if err == nil {
			stop()
			return fmt.Errorf("it accepts the configuration %.60s", config)
		}
		if s.note(err); strings.TrimSpace(err.Error()) == "" {
			return errors.New("it refuses a configuration without a word")
		}
	}
	return nil
}

// panicInside and hugeClaims show that what goes wrong inside a plugin stays
// inside the call.
func panicInside(ctx context.Context, s *Session) error {
	if s.plugin.New == nil {
		return provoked(ctx, s, s.plugin.PanicUser)
	}
	return rigged(ctx, func(r sdk.Request) (sdk.Identity, error) {
		panic("with " + r.Credential.Secret.Reveal())
	})
}

func hugeClaims(ctx context.Context, s *Session) error {
	if s.plugin.New == nil {
		return provoked(ctx, s, s.plugin.HugeUser)
	}
	return rigged(ctx, func(sdk.Request) (sdk.Identity, error) {
		return sdk.Identity{Subject: "x", Claims: map[string]any{"big": strings.Repeat("x", 2*sdk.MaxMessage)}}, nil
	})
}

// provoked asks a process for somebody over whom it fails.
func provoked(ctx context.Context, s *Session, user string) error {
	if user == "" {
		return Skip("no user was named over whom it fails")
	}
	_, err := s.ask(ctx, sdk.Credential{Kind: sdk.Password, Username: user, Secret: s.plugin.Password.Secret})
	if !errors.Is(err, sdk.ErrUnavailable) {
		return fmt.Errorf("%w, want unavailable", orAccepted(err))
	}
	return goodOrSkipped(ctx, s)
}

// rigged asks a plugin that misbehaves for one name, and then behaves.
func rigged(ctx context.Context, misbehave func(sdk.Request) (sdk.Identity, error)) error {
	const trigger = "trigger-7f3a91c2"
	client, stop, err := serve(ctx, &rig{trigger, misbehave})
	if err != nil {
		return err
	}
	inner := &Session{client: client, stop: stop}
	defer inner.Close()
	_, err = inner.ask(ctx, sdk.Credential{Kind: sdk.Password, Username: trigger, Secret: "secret-7f3a91c2"})
	if !errors.Is(err, sdk.ErrUnavailable) || strings.Contains(err.Error(), "secret-7f3a91c2") {
		return fmt.Errorf("%w, want unavailable without the secret", orAccepted(err))
	}
	if _, err := inner.ask(ctx, sdk.Credential{Kind: sdk.Password, Username: "other", Secret: "x"}); !errors.Is(err, sdk.ErrUnknown) {
		return fmt.Errorf("the next call: %w", orAccepted(err))
	}
	return nil
}

type rig struct {
	trigger   string
	misbehave func(sdk.Request) (sdk.Identity, error)
}

func (r *rig) Authenticate(_ context.Context, request sdk.Request) (sdk.Identity, error) {
	if request.Credential.Username == r.trigger {
		return r.misbehave(request)
	}
	return sdk.Identity{}, sdk.ErrUnknown
}

func secretsStaySecret(_ context.Context, s *Session) error {
	s.mu.Lock()
	texts := append([]string(nil), s.errors...)
	s.mu.Unlock()
	if s.plugin.Log != nil {
		texts = append(texts, s.plugin.Log())
	}
	for _, secret := range []string{s.plugin.Password.Secret.Reveal(), s.plugin.APIKey.Reveal(), s.plugin.Assertion.Secret.Reveal()} {
		for _, text := range texts {
			if len(secret) > 3 && strings.Contains(text, secret) {
				return errors.New("an error or the log holds a secret: " + strings.ReplaceAll(text, secret, "[redacted]"))
			}
		}
	}
	return nil
}
