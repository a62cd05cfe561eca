package storage

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// Event is one request or change of a key, as server/audit describes it.
type Event struct {
	Time      time.Time     `json:"time"`
	RequestID string        `json:"request_id"`
	TraceID   string        `json:"trace_id,omitempty"`
	Issuer    string        `json:"issuer,omitempty"`
	Route     string        `json:"route,omitempty"`
	Outcome   string        `json:"outcome"`
	Reason    string        `json:"reason,omitempty"`
	Client    string        `json:"client,omitempty"`
	Grant     string        `json:"grant,omitempty"`
	Plugin    string        `json:"plugin,omitempty"`
	Subject   string        `json:"subject,omitempty"`
	Username  string        `json:"username,omitempty"`
	Session   string        `json:"session,omitempty"`
	TokenID   string        `json:"jti,omitempty"`
	KID       string        `json:"kid,omitempty"`
	Remote    string        `json:"remote,omitempty"`
	UserAgent string        `json:"user_agent,omitempty"`
	Status    int           `json:"status"`
	Duration  time.Duration `json:"duration"` // kept to the microsecond; nanoseconds in JSON
	Error     string        `json:"error,omitempty"`
}

type eventRow struct {
	Time      int64  `db:"time"`
	RequestID string `db:"request_id"`
	TraceID   string `db:"trace_id"`
	Issuer    string `db:"issuer"`
	Route     string `db:"route"`
	Outcome   string `db:"outcome"`
	Reason    string `db:"reason"`
	Client    string `db:"client"`
	GrantType string `db:"grant_type"`
	Plugin    string `db:"plugin"`
	Subject   string `db:"subject"`
	Username  string `db:"username"`
	Session   string `db:"session"`
	TokenID   string `db:"token_id"`
	KID       string `db:"kid"`
	Remote    string `db:"remote"`
	UserAgent string `db:"user_agent"`
	Status    int    `db:"status"`
	Duration  int64  `db:"duration"`
	Error     string `db:"error"`
}

const eventColumns = `time, request_id, trace_id, issuer, route, outcome, reason, client, grant_type, plugin,
	subject, username, session, token_id, kid, remote, user_agent, status, duration, error`

// eventValues is one row's placeholders, after a comma.
const eventValues = `, (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// longestEventText bounds a text of an event, in bytes; what is longer is cut.
const longestEventText = 512

// AddEvents stores events in one statement; 500 at once are not too many. An event that is
// there already is left alone. What cannot be stored in a text is left out of it.
func (db *DB) AddEvents(ctx context.Context, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	args := make([]any, 0, 20*len(events))
	for _, e := range events {
		args = append(args, sqldb.Milliseconds(e.Time))
		for _, text := range []string{
			e.RequestID, e.TraceID, e.Issuer, e.Route, e.Outcome, e.Reason, e.Client, e.Grant, e.Plugin,
			e.Subject, e.Username, e.Session, e.TokenID, e.KID, e.Remote, e.UserAgent,
		} {
			args = append(args, storable(text))
		}
		args = append(args, e.Status, e.Duration.Microseconds(), storable(e.Error))
	}
	_, err := db.sql.Exec(ctx, `insert into events (`+eventColumns+`) values `+strings.Repeat(eventValues, len(events))[2:]+`
		on conflict do nothing`, args...)
	if err != nil {
		return fmt.Errorf("add events: %w", err)
	}
	return nil
}

// storable returns text without what databases refuse, and not too long.
func storable(text string) string {
	if len(text) > longestEventText {
		text = text[:longestEventText]
	}
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
}

// EventFilter says which events are wanted. Zero fields do not restrict.
type EventFilter struct {
	Issuer    string
	RequestID string
	Person    string // a user name as it was typed, or a subject
	Client    string
	KID       string // only changes of this key
	Outcome   string
	Since     time.Time
	Limit     int // the latest so many; 0: 1000
}

// Events returns events, the latest first.
func (db *DB) Events(ctx context.Context, f EventFilter) ([]Event, error) {
	if f.Limit == 0 {
		f.Limit = 1000
	}
	where, args := []string{"time >= ?"}, []any{sqldb.Milliseconds(f.Since)}
	add := func(value, condition string, more ...any) {
		if value != "" {
			where = append(where, condition)
			args = append(append(args, value), more...)
		}
	}
	add(f.Issuer, "issuer = ?")
	add(f.RequestID, "request_id = ?")
	add(f.Person, "(username = ? or subject = ?)", f.Person)
	add(f.Client, "client = ?")
	add(f.Outcome, "outcome = ?")
	add(f.KID, "kid = ?")
	var rows []eventRow
	err := db.sql.Select(ctx, &rows, `select `+eventColumns+` from events where `+strings.Join(where, " and ")+`
		order by time desc, request_id desc limit ?`, append(args, f.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		events[i] = Event{
			Time: sqldb.Instant(r.Time), RequestID: r.RequestID, TraceID: r.TraceID, Issuer: r.Issuer, Route: r.Route,
			Outcome: r.Outcome, Reason: r.Reason, Client: r.Client, Grant: r.GrantType, Plugin: r.Plugin, Subject: r.Subject,
			Username: r.Username, Session: r.Session, TokenID: r.TokenID, KID: r.KID, Remote: r.Remote, UserAgent: r.UserAgent,
			Status: r.Status, Duration: time.Duration(r.Duration) * time.Microsecond, Error: r.Error,
		}
	}
	return events, nil
}

// PruneEvents removes at most limit events from before a time and returns how many.
func (db *DB) PruneEvents(ctx context.Context, before time.Time, limit int) (int64, error) {
	n, err := db.sql.Exec(ctx, `
		delete from events where (time, request_id) in (
			select time, request_id from events where time < ? order by time limit ?)`, sqldb.Milliseconds(before), limit)
	if err != nil {
		return 0, fmt.Errorf("prune events: %w", err)
	}
	return n, nil
}
