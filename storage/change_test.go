package storage_test

import (
	"context"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/storage"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// watch returns a function that waits for the next topic.
func watch(t *testing.T, db *storage.DB, poll time.Duration) (next func() string) {
	t.Helper()
	watching, cancel := context.WithCancel(ctx)
	topics := make(chan string, 100)
	ended := make(chan error)
	go func() { ended <- db.Watch(watching, poll, func(topic string) { topics <- topic }) }()
	t.Cleanup(func() {
		cancel()
		wantError(t, "Watch", <-ended, context.Canceled)
	})
	return func() string {
		t.Helper()
		select {
		case topic := <-topics:
			return topic
		case <-time.After(20 * time.Second):
			t.Fatal("heard of no change")
			return ""
		}
	}
}

func TestWatchHearsOfChangesByOthers(t *testing.T) {
	onEach(t, func(t *testing.T, c sqldb.Config) {
		here, there := open(t, c), open(t, c)
		next := watch(t, here, 10*time.Millisecond)
		for _, want := range []string{storage.TopicClients, storage.TopicKeys, storage.TopicRevocations} {
			equal(t, "at the beginning", next(), want)
		}
		must(t, there.CreateSession(ctx, session("a"), token("t")))
		for _, change := range []struct {
			do   func() error
			want []string
		}{
			{func() error { return there.CreateClient(ctx, client("a")) }, []string{storage.TopicClients}},
			{func() error { return there.UpdateClient(ctx, client("a")) }, []string{storage.TopicClients}},
			{func() error { return there.DeleteClient(ctx, issuer, "a") }, []string{storage.TopicClients, storage.TopicRevocations}},
			{func() error { return there.UpdateKeys(ctx, issuer, 0, nil) }, []string{storage.TopicKeys}},
			{func() error {
				return there.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: "j"})
			}, []string{storage.TopicRevocations}},
			{func() error { return there.EndSession(ctx, issuer, "a", "logged out", at(1)) }, []string{storage.TopicRevocations}},
		} {
			must(t, change.do())
			for _, want := range change.want {
				equal(t, "topic", next(), want)
			}
		}
		wantError(t, "a change that fails", there.UpdateClient(ctx, client("unknown")), storage.ErrNotFound)
		must(t, there.UpdateKeys(ctx, issuer, 1, nil))
		equal(t, "topic after a change that failed", next(), storage.TopicKeys)
	})
}

// A poll every hour cannot be what tells.
func TestWatchOnPostgreSQLIsNotified(t *testing.T) {
	c := sqldb.Config{URL: servertest.PostgreSQL(t)}
	here, there := open(t, c), open(t, c)
	next := watch(t, here, time.Hour)
	for range 3 {
		next()
	}
	for range 10 {
		must(t, there.Revoke(ctx, storage.Revocation{Issuer: issuer, Kind: storage.KindJTI, Value: "j"}))
		equal(t, "topic", next(), storage.TopicRevocations)
	}
}

// A connection that hangs, and that nobody ends, is given up.
func TestWatchOutlivesAConnectionThatHangs(t *testing.T) {
	c := sqldb.Config{URL: servertest.PostgreSQL(t)}
	line := servertest.NewLine(t, c.URL)
	here, there := open(t, sqldb.Config{URL: line.URL, MaxConns: 1}), open(t, c)
	next := watch(t, here, 10*time.Millisecond)
	for range 3 {
		next()
	}
	line.Mute()
	line.Mend()
	must(t, there.UpdateKeys(ctx, issuer, 0, nil))
	equal(t, "topic", next(), storage.TopicKeys)
}
