package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/storage"
)

func newSessionCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{
		Use:   "session",
		Short: "Look at sessions and end them",
		Long: "Look at sessions and end them. A session is a login with a refresh token. Its end\n" +
			"counts at once on every server: no refresh, and its access tokens are reported as\n" +
			"revoked to services that ask. Those that verify off-line accept them until they expire.",
	}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(newSessionListCommand(s), newSessionRevokeCommand(s))
	return c
}

// sessionFlags say which sessions are meant.
type sessionFlags struct{ person, client string }

func (f *sessionFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.person, "person", "", "those of a person: their subject or user name")
	c.Flags().StringVar(&f.client, "client", "", "those of a client, by its id")
}

func (f *sessionFlags) filter(o *opened) storage.SessionFilter {
	return storage.SessionFilter{Issuer: o.issuer.Name, Person: f.person, ClientID: f.client}
}

// sessionView is a session as commands show it: without the identity.
type sessionView struct {
	ID        string    `json:"id"`
	State     string    `json:"state"` // live, expired, ended
	Subject   string    `json:"subject"`
	Username  string    `json:"username,omitempty"`
	Client    string    `json:"client"`
	Plugin    string    `json:"plugin"`
	Scopes    []string  `json:"scopes"`
	Audience  []string  `json:"audience"`
	Created   time.Time `json:"created"`
	Confirmed time.Time `json:"confirmed,omitzero"` // when the plugin last vouched for the person
	Expires   time.Time `json:"expires"`
	Ended     time.Time `json:"ended,omitzero"`
	EndReason string    `json:"end_reason,omitempty"`
}

func viewSession(s storage.Session, now time.Time) sessionView {
	v := sessionView{
		ID: s.ID, State: "live", Subject: s.Subject, Username: s.Username, Client: s.ClientID, Plugin: s.Plugin,
		Scopes: notNil(s.Scopes), Audience: notNil(s.Audience),
		Created: s.Created, Confirmed: s.Confirmed, Expires: s.Expires, Ended: s.Ended, EndReason: s.EndReason,
	}
	switch {
	case !s.Ended.IsZero():
		v.State = "ended"
	case !now.Before(s.Expires):
		v.State = "expired"
	}
	return v
}

func newSessionListCommand(s *site) *cobra.Command {
	var f sessionFlags
	var p printer
	var live bool
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List sessions, the latest first",
		Args:  cobra.NoArgs,
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, _ []string) error {
			filter := f.filter(o)
			filter.Live, filter.Limit = live, limit
			sessions, err := o.db.Sessions(c.Context(), filter)
			if err != nil {
				return fmt.Errorf("list sessions: %w", err)
			}
			now := time.Now()
			views := make([]sessionView, len(sessions))
			for i, session := range sessions {
				views[i] = viewSession(session, now)
			}
			return print(p, c.OutOrStdout(), "id state subject username client created expires end", views, func(v sessionView) []any {
				return []any{v.ID, v.State, v.Subject, v.Username, v.Client, v.Created, v.Expires, v.EndReason}
			})
		}),
	}
	f.flags(c)
	p.flag(c)
	c.Flags().BoolVar(&live, "live", false, "only those that have neither ended nor expired")
	c.Flags().IntVar(&limit, "limit", 100, "`N` sessions at most")
	return c
}

func newSessionRevokeCommand(s *site) *cobra.Command {
	var f sessionFlags
	c := &cobra.Command{
		Use:   "revoke [ID]",
		Short: "End one session, or all of a person or a client",
		Args:  cobra.MaximumNArgs(1),
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, args []string) error {
			named := f.person != "" || f.client != ""
			if named == (len(args) == 1) {
				return hint(errors.New("which sessions?"), "give the ID of one, or --person, --client or both")
			}
			ended, err := revokeSessions(c, o, f, args)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%d ended\n", ended)
			return err
		}),
	}
	f.flags(c)
	return c
}

const revokedByOperator = "revoked by an operator"

func revokeSessions(c *cobra.Command, o *opened, f sessionFlags, ids []string) (ended int64, err error) {
	if len(ids) == 0 {
		filter := f.filter(o)
		filter.Live = true
		if ended, err = o.db.EndSessions(c.Context(), filter, revokedByOperator, time.Now()); err != nil {
			return 0, fmt.Errorf("revoke sessions: %w", err)
		}
		return ended, nil
	}
	err = o.db.EndSession(c.Context(), o.issuer.Name, ids[0], revokedByOperator, time.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return 0, hint(fmt.Errorf("revoke session %s: %w", ids[0], err), "claimsmith session list shows those there are")
	}
	if err != nil {
		return 0, fmt.Errorf("revoke session %s: %w", ids[0], err)
	}
	return 1, nil
}
