package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/jwks"
	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// keyEvents makes an event of each change of a key that this process made. What
// the clock did, one of all replicas tells (see jwks.Change).
type keyEvents struct {
	jwks.Observer // for all else; nil: nobody
	events        *audit.Log
	log           *slog.Logger
}

// Signed implements jwks.Observer.
func (o keyEvents) Signed(kid string) {
	if o.Observer != nil {
		o.Observer.Signed(kid)
	}
}

// Verified implements jwks.Observer.
func (o keyEvents) Verified(kid string, err error) {
	if o.Observer != nil {
		o.Observer.Verified(kid, err)
	}
}

// Changed implements jwks.Observer.
func (o keyEvents) Changed(c jwks.Change) {
	if o.Observer != nil {
		o.Observer.Changed(c)
	}
	if !c.Own {
		return
	}
	e := audit.Event{
		Time: c.At, RequestID: rand.Text(), Issuer: c.Issuer, Route: "keys",
		KID: c.KID, Outcome: audit.OK, Reason: string(c.Kind),
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if err := o.events.Write(context.Background(), &e, 0); err != nil {
		o.log.Error("a change of a key is not in the events", "kid", c.KID, "change", c.Kind, "error", err)
	}
}

// commandEvents are the events of a command: they go where those of the server
// go, unless that is its log. The terminal is told of each change anyway.
type commandEvents struct {
	keyEvents
	file   *audit.File
	keeper *audit.Keeper
}

func openCommandEvents(cfg *config.Config, db *storage.DB, log *slog.Logger) (*commandEvents, error) {
	to, file, keeper, err := eventsConfig(cfg, db, log, slog.DiscardHandler)
	if err != nil {
		return nil, err
	}
	if file == nil {
		to.Lines = slog.DiscardHandler
	}
	return &commandEvents{keyEvents{events: audit.New(to), log: log}, file, keeper}, nil
}

// close keeps what is to be kept.
func (e *commandEvents) close() error {
	var err error
	if e.keeper != nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		err = e.keeper.Run(over)
		if n := e.keeper.Dropped(); err == nil && n > 0 {
			e.log.Error("events were not kept", "events", n)
		}
	}
	if e.file != nil {
		err = errors.Join(err, e.file.Close())
	}
	return err
}
