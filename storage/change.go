package storage

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// The topics of Watch.
const (
	TopicClients     = "clients"
	TopicKeys        = "keys"
	TopicRevocations = "revocations" // the ends of sessions too
)

// channel is PostgreSQL's, of this database.
const channel = "claimsmith_changes"

// announce tells all who watch, once the transaction is committed, that a topic has
// changed.
func (db *DB) announce(ctx context.Context, tx sqldb.Tx, topics ...string) error {
	for _, topic := range topics {
		if _, err := tx.Exec(ctx, `update changes set version = version + 1 where topic = ?`, topic); err != nil {
			return err
		}
	}
	if db.sql.Driver() != sqldb.PostgreSQL {
		return nil
	}
	_, err := tx.Exec(ctx, `select pg_notify(?, '')`, channel)
	return err
}

const (
	defaultPoll = time.Second
	pollTimeout = 3 * time.Second // of one: a connection that hangs is given up
)

// Watch calls f with each topic at the beginning, and from then on whenever it was
// changed, by whichever process; several changes may come as one. It reads the topics'
// versions at every poll (0: a second), and on PostgreSQL also at once when a
// notification comes, so none is missed while storage was down or a notification
// lost. It runs until the context ends and returns its error. Calls of f follow one
// another.
func (db *DB) Watch(ctx context.Context, poll time.Duration, f func(topic string)) error {
	wake := make(chan struct{}, 1)
	var listener sync.WaitGroup
	defer listener.Wait()
	listener.Go(func() {
		// Where it cannot listen, polling alone has to do.
		db.sql.Listen(ctx, channel, func(string) {
			select {
			case wake <- struct{}{}:
			default: // one is due already
			}
		})
	})

	tick := time.NewTicker(cmp.Or(poll, defaultPoll))
	defer tick.Stop()
	known := map[string]int64{}
	for {
		db.changed(ctx, known, f)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-wake:
		}
	}
}

// changed calls f with each topic whose version is not the known one. Storage that is
// down is asked again at the next poll.
func (db *DB) changed(ctx context.Context, known map[string]int64, f func(topic string)) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var rows []struct {
		Topic   string `db:"topic"`
		Version int64  `db:"version"`
	}
	if err := db.sql.Select(ctx, &rows, `select topic, version from changes order by topic`); err != nil {
		return
	}
	for _, r := range rows {
		if version, ok := known[r.Topic]; !ok || version != r.Version {
			known[r.Topic] = r.Version
			f(r.Topic)
		}
	}
}
