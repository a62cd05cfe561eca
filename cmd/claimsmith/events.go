package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

func newEventsCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "events", Short: "Show what has happened"}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(newEventsListCommand(s))
	return c
}

func newEventsListCommand(s *site) *cobra.Command {
	var out printer
	var filter storage.EventFilter
	var since string
	c := &cobra.Command{
		Use:   "list",
		Short: "List requests and changes of keys that are kept in storage, the latest first",
		Long:  "List requests and changes of keys that are kept in storage, the latest first.\nThey are kept where audit.keep in the configuration says for how long.\nWith --json each has all that is known of it, the cause of a refusal too.",
		Args:  cobra.NoArgs,
	}
	c.RunE = s.onIssuer(func(c *cobra.Command, o *opened, _ []string) (err error) {
		if filter.RequestID == "" { // what was never found has no issuer
			filter.Issuer = o.issuer.Name
		}
		if filter.Since, err = parseSince(since, time.Now()); err != nil {
			return hint(err, "write a duration as 2h or 30d, or a time as 2026-01-31T12:00:00Z")
		}
		if filter.Outcome != "" && !audit.Outcome(filter.Outcome).Known() {
			return hint(fmt.Errorf("no outcome %q", filter.Outcome), "there are: %s", outcomes())
		}
		events, err := o.db.Events(c.Context(), filter)
		if err != nil {
			return err
		}
		if len(events) == 0 && o.config.Audit.Keep == 0 {
			return hint(errors.New("no events are kept"), "set audit.keep in the configuration, as keep: 90d")
		}
		return print(out, c.OutOrStdout(), "time outcome reason route client person plugin remote status took request key", events, func(e storage.Event) []any {
			person := e.Username
			if person == "" {
				person = e.Subject
			}
			return []any{e.Time, e.Outcome, e.Reason, e.Route, e.Client, person, e.Plugin, e.Remote, e.Status, e.Duration, e.RequestID, e.KID}
		})
	})
	out.flag(c)
	c.Flags().StringVar(&filter.Person, "person", "", "only of this user name or subject")
	c.Flags().StringVar(&filter.Client, "client", "", "only of this client")
	c.Flags().StringVar(&filter.RequestID, "request", "", "only the one with this `ID`, which its answer bore as X-Request-Id")
	c.Flags().StringVar(&filter.KID, "key", "", "only changes of the key of this `KID`")
	c.Flags().StringVar(&filter.Outcome, "outcome", "", "only those that ended so: "+outcomes())
	c.Flags().StringVar(&since, "since", "", "only from this `TIME` on, or that long ago: 2h, 30d")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most `N`")
	return c
}

func outcomes() string {
	names := make([]string, len(audit.Outcomes))
	for i, o := range audit.Outcomes {
		names[i] = string(o)
	}
	return strings.Join(names, ", ")
}

// parseSince reads a time, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := strictyaml.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fmt.Errorf("not a time: %q", text)
	}
	return t, nil
}
