package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/apikey"
	"github.com/claimsmith/claimsmith/plugins/database"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// What the demo always has.
const (
	demoClient       = "demo"
	demoClientSecret = "demo-secret"
	demoUsername     = "alice"
	demoEmail        = "alice@example.com" // logs in as the user name does
	demoPassword     = "wonderland"
	demoOrganisation = "Acme"
)

// serveDemo runs a complete server that needs no file: its data is in dir, or
// in a temporary directory that goes with it. It listens on loopback alone.
func serveDemo(ctx context.Context, dir, publicAddr, adminAddr string, stdout, stderr io.Writer) error {
	dir, cleanup, err := dataDir(dir)
	if err != nil {
		return err
	}
	defer cleanup()
	cfg, err := config.NewDemo(dir)
	if err != nil {
		return err
	}
	override(&cfg.Listen, publicAddr)
	override(&cfg.Admin, adminAddr)
	if err := requireLoopback(cfg.Listen, cfg.Admin); err != nil {
		return err
	}
	on, err := listen(cfg)
	if err != nil {
		return err
	}
	cfg.Issuers[0].URL = "http://" + on.public.Addr().String()
	db, err := openStorage(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	facts, err := seedDemo(ctx, cfg, db, dir)
	if err != nil {
		return err
	}
	if on.admin != nil {
		facts.AdminURL = "http://" + on.admin.Addr().String()
	}
	if err := facts.write(dir); err != nil {
		return err
	}
	log := newLogger(stderr, config.Log{Format: "text"})
	return run(ctx, cfg, db, on, log, func() {
		var text bytes.Buffer // the log writes to the same terminal, of each request below
		showDemo(ctx, &text, dir, facts)
		text.WriteTo(stdout)
	})
}

// dataDir returns the demo's directory: the one given, or a temporary one that
// cleanup removes.
func dataDir(dir string) (string, func(), error) {
	if dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", nil, err
		}
		return abs, func() {}, os.MkdirAll(abs, 0o700)
	}
	dir, err := os.MkdirTemp("", "claimsmith-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make data directory: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}

// requireLoopback refuses an address that others can reach: everybody knows
// the demo's secrets.
func requireLoopback(addrs ...string) error {
	for _, addr := range addrs {
		if addr == "off" {
			continue
		}
		name, _, err := net.SplitHostPort(addr)
		if err != nil {
			return fmt.Errorf("listen address %s: %w", addr, err)
		}
		ip, err := netip.ParseAddr(name)
		if name != "localhost" && (err != nil || !ip.IsLoopback()) {
			return hint(fmt.Errorf("the demo does not listen on %s: its secrets are known to everybody", addr),
				"listen on 127.0.0.1, or write a configuration file (examples/claimsmith.yaml)")
		}
	}
	return nil
}

// seedDemo puts the demo's client, person and API key into storage where they
// are missing.
func seedDemo(ctx context.Context, cfg *config.Config, db *storage.DB, dir string) (demoFacts, error) {
	facts := demoFacts{
		Issuer:   cfg.Issuers[0].URL,
		ClientID: demoClient, ClientSecret: demoClientSecret,
		Username: demoUsername, Password: demoPassword,
		Organisation: demoOrganisation,
	}
	now := time.Now()
	err := db.CreateClient(ctx, storage.Client{
		Issuer: cfg.Issuers[0].Name, ID: demoClient, Name: "Demo",
		Secrets: []storage.SecretHash{{Hash: oauth.HashClientSecret(demoClientSecret), Created: now}},
		Grants:  oauth.Grants,
		Scopes:  []string{"read", "write", oauth.ScopeOfflineAccess},
		Created: now, Updated: now,
	})
	if err != nil && !errors.Is(err, storage.ErrExists) {
		return facts, fmt.Errorf("create the demo's client: %w", err)
	}
	subject, err := seedPerson(ctx, cfg)
	if err != nil {
		return facts, fmt.Errorf("add the demo's person: %w", err)
	}
	facts.APIKey, err = seedKey(ctx, cfg, subject, readDemoKey(dir))
	if err != nil {
		return facts, fmt.Errorf("create the demo's API key: %w", err)
	}
	return facts, nil
}

// seedPerson adds the demo's person to the users table, and returns their subject.
func seedPerson(ctx context.Context, cfg *config.Config) (string, error) {
	users, err := database.OpenUsers(ctx, cfg.SQL())
	if err != nil {
		return "", err
	}
	defer users.Close()
	if err := users.Migrate(ctx); err != nil {
		return "", err
	}
	user, err := users.Find(ctx, demoOrganisation, demoUsername)
	if errors.Is(err, database.ErrNotFound) {
		user, err = users.Add(ctx, database.User{
			Username: demoUsername, Organisation: demoOrganisation,
			Name: "Alice Liddell", Email: demoEmail, EmailVerified: true,
			Groups: []string{"staff"}, Roles: []string{"editor"},
			Units: []string{"north", "south"}, DefaultUnit: "north",
			TimeZone: "Europe/London", DateFormat: "dd/MM/yyyy", UserType: "person",
		}, demoPassword)
	}
	return user.ID, err
}

// seedKey returns the text of an API key for the demo's person: an earlier one
// that still exists, or a new one.
func seedKey(ctx context.Context, cfg *config.Config, subject, earlier string) (string, error) {
	keys, err := apikey.OpenKeys(ctx, cfg.SQL())
	if err != nil {
		return "", err
	}
	defer keys.Close()
	if err := keys.Migrate(ctx); err != nil {
		return "", err
	}
	if key, err := apikey.Parse(earlier); err == nil {
		if r, err := keys.Get(ctx, key.ID); err == nil && r.Revoked.IsZero() && r.Expires.IsZero() {
			return earlier, nil
		}
	}
	_, text, err := keys.Create(ctx, apikey.Record{
		Name: "demo",
		Owner: apikey.Owner{
			Subject: subject, Username: demoUsername, Name: "Alice Liddell", Email: demoEmail,
			Organisation: demoOrganisation, Units: []string{"north", "south"}, DefaultUnit: "north",
			Groups: []string{"staff"}, Roles: []string{"editor"},
		},
	})
	return text.Reveal(), err
}
