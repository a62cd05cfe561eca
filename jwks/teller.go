package jwks

import (
	"context"
	"log/slog"
	"sync"
)

// A teller tells the log and the Observer of each change of a set once, and as
// this process's own if it is: the store may show what a write has done before
// the writer knows that it succeeded.
type teller struct {
	log      *slog.Logger
	observer Observer
	issuer   string
	inUse    func() (rows []Key, version int64)

	mu      sync.Mutex
	rows    []Key // of which was told
	version int64 // theirs; -1: nothing was read yet
	writing int   // writes under way
}

func newTeller(log *slog.Logger, o Observer, issuer string, inUse func() ([]Key, int64)) *teller {
	return &teller{log: log, observer: o, issuer: issuer, inUse: inUse, version: -1}
}

// met tells of the set in use, which alone goes forward: of two that were read
// the older may come to last. While a write is under way it waits for that to say
// which changes are its own.
func (t *teller) met() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.catchUp()
}

func (t *teller) catchUp() {
	if t.writing == 0 {
		rows, version := t.inUse()
		t.tell(rows, version, "")
	}
}

// begin says that a write begins.
func (t *teller) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing++
}

// wrote says that a write has succeeded and is in use, and what new keys are told as.
func (t *teller) wrote(rows []Key, version int64, made ChangeKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing--
	if version > t.version {
		t.tell(rows, version, made)
	}
	t.catchUp()
}

// failed says that a write has not succeeded, as far as is known.
func (t *teller) failed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writing--
}

func (t *teller) tell(rows []Key, version int64, made ChangeKind) {
	if t.version == version {
		return
	}
	if t.version >= 0 {
		for _, c := range changesBetween(t.rows, rows, made) {
			c.Issuer = t.issuer
			t.observer.Changed(c)
			level := slog.LevelInfo
			if c.Kind == ChangeRevoked || c.Kind == ChangeAdvanced {
				level = slog.LevelWarn
			}
			t.log.Log(context.Background(), level, "key "+string(c.Kind),
				"kid", c.KID, "algorithm", c.Algorithm, "active", c.Active, "own", c.Own)
		}
	}
	t.rows, t.version = rows, version
}
