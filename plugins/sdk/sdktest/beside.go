package sdktest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// stopLimit is after what time the host kills.
const stopLimit = 3 * time.Second

// besideAnother starts the plugin a second time, as an upgrade does: both serve
// at once, and the end of one is nothing to the other.
func besideAnother(ctx context.Context, s *Session) error {
	client, stop, err := s.start(ctx, s.plugin.Config)
	if s.note(err) != nil {
		return fmt.Errorf("start another while one serves: %w", err)
	}
	other := &Session{plugin: s.plugin, client: client, stop: stop}
	if err := goodOrSkipped(ctx, other); err != nil {
		stop()
		return fmt.Errorf("the other: %w", err)
	}
	begin := time.Now()
	stop()
	if s.plugin.Start != nil && time.Since(begin) >= stopLimit {
		return errors.New("it does not end when it is asked to, and had to be killed")
	}
	return goodOrSkipped(ctx, s)
}

// unknownAttributes sends what no plugin knows, and much of it.
func unknownAttributes(ctx context.Context, s *Session) error {
	good := s.good()
	if len(good) == 0 {
		return errNoCredential
	}
	attributes := map[string]string{}
	maps.Copy(attributes, s.plugin.Attributes)
	for n := range 256 {
		attributes[fmt.Sprintf("%s-%d", stranger, n)] = strings.Repeat("x", sdk.MaxString)
	}
	burdened := &Session{plugin: s.plugin, client: s.client}
	burdened.plugin.Attributes = attributes
	for _, c := range good {
		plain, err := s.ask(ctx, c)
		if err != nil {
			return err
		}
		id, err := burdened.ask(ctx, c)
		if s.note(err) != nil {
			return fmt.Errorf("%s with attributes that it cannot know: %w", c.Kind, err)
		}
		if id.Subject != plain.Subject {
			return fmt.Errorf("%s with attributes that it cannot know: subject %q instead of %q", c.Kind, id.Subject, plain.Subject)
		}
	}
	return nil
}
