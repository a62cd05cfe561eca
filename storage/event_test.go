package storage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

func event(minute int, id string) storage.Event {
	return storage.Event{
		Time: at(minute), RequestID: id, TraceID: "t" + id, Issuer: issuer, Route: "token", Outcome: "denied", Reason: "locked",
		Client: "portal", Grant: "password", Plugin: "people", Subject: "u-1", Username: "alice", Session: "s", TokenID: "j", KID: "k",
		Remote: "192.0.2.1", UserAgent: "curl/8", Status: 400, Duration: 1234 * time.Microsecond, Error: "denied: locked",
	}
}

func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		a, b, other := event(1, "a"), event(2, "b"), event(3, "c")
		other.Subject, other.Username, other.Client, other.Outcome, other.Issuer = "u-2", "bob", "app", "ok", "other"
		must(t, db.AddEvents(ctx, []storage.Event{b, a, other}))
		must(t, db.AddEvents(ctx, []storage.Event{a}))
		for name, tt := range map[string]struct {
			filter storage.EventFilter
			want   []storage.Event
		}{
			"all, the latest first": {storage.EventFilter{}, []storage.Event{other, b, a}},
			"by issuer":             {storage.EventFilter{Issuer: issuer}, []storage.Event{b, a}},
			"by request":            {storage.EventFilter{RequestID: "b"}, []storage.Event{b}},
			"by user name":          {storage.EventFilter{Person: "bob"}, []storage.Event{other}},
			"by subject":            {storage.EventFilter{Person: "u-1", Limit: 1}, []storage.Event{b}},
			"by client":             {storage.EventFilter{Client: "app"}, []storage.Event{other}},
			"by outcome":            {storage.EventFilter{Outcome: "denied", Since: at(2)}, []storage.Event{b}},
			"nobody's":              {storage.EventFilter{Person: "nobody"}, []storage.Event{}},
		} {
			got, err := db.Events(ctx, tt.filter)
			must(t, err)
			equal(t, name, got, tt.want)
		}
		n, err := db.PruneEvents(ctx, at(2), 10)
		must(t, err)
		equal(t, "pruned", n, int64(1))
	})
}

func TestAnEventIsStoredWhateverItSays(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		db := open(t, c)
		e := event(1, "a")
		e.UserAgent, e.Username = "a\x00b\xff", strings.Repeat("é", 400)
		events := []storage.Event{e}
		for i := range 499 {
			events = append(events, event(2, fmt.Sprint(i)))
		}
		must(t, db.AddEvents(ctx, events))
		got, err := db.Events(ctx, storage.EventFilter{Person: strings.Repeat("é", 256)})
		must(t, err)
		e.UserAgent, e.Username = "ab", strings.Repeat("é", 256)
		equal(t, "event", got, []storage.Event{e})
	})
}
