package database

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/database/password"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// renewal replaces weak hashes by new ones, beside the logins that have shown the
// password: none waits for it and none fails with it. What it does not get done
// the person's next login begins again. Of many at once the primary lets one through, since each
// writes only where the weak hash still is.
type renewal struct {
	gate    *gate
	primary *server
	busy    chan struct{} // one at a time
	running sync.WaitGroup
}

// weak is a hash to be replaced. Nothing prints it.
type weak struct {
	request         sdk.Request
	subject         string
	stored, renewed string
}

// renewTimeout bounds the wait for a place, and then the writing.
const renewTimeout = 5 * time.Second

func newRenewal(g *gate, primary *server) *renewal {
	return &renewal{gate: g, primary: primary, busy: make(chan struct{}, 1)}
}

// begin replaces the hash that a password was right for, if it is weak and no other
// is being replaced.
func (n *renewal) begin(r sdk.Request, subject string, a *attempt) {
	secret := a.secret.Reveal()
	if !a.hash.CanRenew(secret) || n.primary.state() != nil {
		return
	}
	select {
	case n.busy <- struct{}{}:
	default:
		return
	}
	n.running.Go(func() {
		defer func() { <-n.busy }()
		w := weak{request: r, subject: subject, stored: a.stored}
		renewed, err := n.run(&w, secret)
		switch {
		case errors.Is(err, errBusy):
		case err != nil:
			slog.Warn("cannot renew a password hash", "subject", subject, "was", a.hash.Scheme(), "error", w.redact(err))
		case renewed:
			slog.Info("renewed a password hash", "subject", subject, "was", a.hash.Scheme())
		}
	})
}

func (n *renewal) run(w *weak, secret string) (bool, error) {
	waiting, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	if err := n.gate.enter(waiting); err != nil {
		return false, err
	}
	w.renewed = password.New(secret)
	n.gate.leave(password.Usual().Memory())
	storing, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	return n.primary.renew(storing, *w)
}

// redact returns an error without the hash, which some databases quote.
func (w weak) redact(err error) error {
	for _, hash := range []string{w.stored, w.renewed} {
		if hash != "" && strings.Contains(err.Error(), hash[:min(len(hash), 12)]) {
			return errors.New("the database refused it, with words that quote the hash")
		}
	}
	return err
}

// renew runs the operator's update. It is undone if it changed more than one row, or
// if the person's hash is not the new one afterwards: a column that is too short and
// cuts it would lock them out.
func (q *queries) renew(ctx context.Context, w weak) (renewed bool, err error) {
	values := parameters(w.request)
	values["subject"], values["hash"], values["old_hash"] = w.subject, w.renewed, w.stored
	err = q.db.Tx(ctx, func(tx sqldb.Tx) error {
		renewed = false
		rows, err := tx.Exec(ctx, q.update.text, q.update.arguments(values)...)
		switch {
		case err != nil || rows == 0:
			return err
		case rows > 1:
			return fmt.Errorf("update changes %d rows", rows)
		}
		now, err := tx.Maps(ctx, 2, q.login.text, q.login.arguments(values)...)
		if err != nil {
			return err
		}
		if len(now) != 1 {
			return errors.New("the query does not find the person after update")
		}
		hash, _ := q.mapping.field(newRecord(now[0]), "password")
		renewed = strings.HasSuffix(strings.TrimRight(text(hash), " "), w.renewed)
		if !renewed {
			return errors.New("the query does not return the new hash after update: has its column room for 97 characters?")
		}
		return nil
	})
	return renewed && err == nil, err
}

// errTried undoes a transaction that was only tried.
var errTried = errors.New("tried")

// tryUpdate runs the update for nobody and undoes it.
func (q *queries) tryUpdate(ctx context.Context) error {
	if q.update.text == "" {
		return nil
	}
	nobody := make([]any, len(q.update.parameters))
	for i := range nobody {
		nobody[i] = rand.Text()
	}
	err := q.db.Tx(ctx, func(tx sqldb.Tx) error {
		if _, err := tx.Exec(ctx, q.update.text, nobody...); err != nil && !isMistyped(err) {
			return err
		}
		return errTried
	})
	if !errors.Is(err, errTried) {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}
