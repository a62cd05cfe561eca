package database

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// lag is how far a replica may be, and is, behind the primary.
type lag struct {
	statement string
	most      time.Duration
	asOf      time.Time // the replica has all that was committed until then
}

// streamed tells how far behind a replica by PostgreSQL's streaming replication
// is, in seconds. One that has replayed all that it received is not behind while it
// still receives; otherwise it is as old as the last transaction it has. It is null for what
// is no such replica.
const streamed = `select case
	when not pg_is_in_recovery() then null
	when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver) then 0
	else extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) end`

// measure asks a replica how far behind it is. An error says that it is too far, or
// does not know.
//
// A replica that has lost its primary is as old as its last change, which may be
// hours; but what it was known to have at the last check it still has.
func (l *lag) measure(ctx context.Context, db *sqldb.DB) error {
	now := time.Now()
	behind, err := l.ask(ctx, db)
	if err != nil {
		return fmt.Errorf("ask how far behind it is: %w", err)
	}
	if asOf := now.Add(-behind); asOf.After(l.asOf) {
		l.asOf = asOf
	}
	if behind = now.Sub(l.asOf); behind > l.most {
		return fmt.Errorf("it is %v behind the primary, more than max_lag", behind.Round(time.Millisecond))
	}
	return nil
}

// forget is for a replica that was away: it may come back as an older one.
func (l *lag) forget() { l.asOf = time.Time{} }

func (l *lag) ask(ctx context.Context, db *sqldb.DB) (time.Duration, error) {
	rows, err := db.Maps(ctx, 2, l.statement)
	if err != nil {
		return 0, err
	}
	if len(rows) != 1 || len(rows[0]) != 1 {
		return 0, errors.New("the answer is not one row of one column")
	}
	for _, value := range rows[0] {
		if value == nil {
			return 0, errors.New("it does not know")
		}
		seconds, err := strconv.ParseFloat(strings.TrimSpace(text(value)), 64)
		if err != nil || math.IsNaN(seconds) {
			return 0, errors.New("the answer is not a number of seconds")
		}
		return time.Duration(min(max(seconds, 0), math.MaxInt32) * float64(time.Second)), nil
	}
	return 0, nil
}
