package database_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/claimsmith/claimsmith/internal/servertest"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/storage/sqldb"
)

// onEach runs a test on databases of several kinds, each new and empty.
func onEach(t *testing.T, f func(t *testing.T, url string), kinds ...string) {
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) { f(t, newDatabase(t, kind)) })
	}
}

func newDatabase(t testing.TB, kind string) string {
	switch kind {
	case "postgres":
		return servertest.PostgreSQL(t)
	case "mariadb":
		return servertest.MariaDB(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

func configured(t testing.TB, config map[string]any) *database.Plugin {
	t.Helper()
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p := database.New()
	if err := p.Configure(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// execute runs statements on a database.
func execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// login is a request; attributes are names and values by turns.
func login(username, secret string, attributes ...string) sdk.Request {
	r := sdk.Request{
		Credential: sdk.Credential{Kind: sdk.Password, Username: username, Secret: sdk.Secret(secret)},
		Issuer:     "https://issuer.example", ClientID: "client", Attributes: map[string]string{},
	}
	for i := 0; i < len(attributes); i += 2 {
		r.Attributes[attributes[i]] = attributes[i+1]
	}
	return r
}

// outcome names how a call ended: ok, unknown, a reason for denial, or unavailable.
func outcome(err error) string {
	if denied, ok := errors.AsType[*sdk.DeniedError](err); ok {
		return string(denied.Reason)
	}
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, sdk.ErrUnknown):
		return "unknown"
	case errors.Is(err, sdk.ErrUnavailable):
		return "unavailable"
	}
	return "fault: " + err.Error()
}
