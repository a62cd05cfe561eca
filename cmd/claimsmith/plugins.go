package main

import (
	"fmt"
	"log/slog"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// pluginConfig is how a configured plugin runs.
func pluginConfig(name string, p config.Plugin, log *slog.Logger) host.Config {
	settings, secrets := p.Settings()
	return host.Config{
		Name:             name,
		Builtin:          p.Use,
		Command:          p.Command,
		SHA256:           p.SHA256,
		InsecureUnpinned: p.InsecureUnpinned,
		Settings:         settings,
		Secrets:          append([]string{}, secrets...),
		CallTimeout:      p.Timeout.Std(),
		StartTimeout:     p.StartTimeout.Std(),
		MaxInFlight:      p.MaxInFlight,
		NoAutoMTLS:       p.AutoMTLS != nil && !*p.AutoMTLS,
		User:             pluginUser(p.User),
		Log:              log,
	}
}

// pluginUser reads UID:GID, as the configuration has checked it; nil for "".
func pluginUser(text string) *host.User {
	var u host.User
	if _, err := fmt.Sscanf(text, "%d:%d", &u.UID, &u.GID); err != nil {
		return nil
	}
	return &u
}

// hosted is a plugin process as a link of the chain.
type hosted struct{ *host.Plugin }

// Handles implements authn.Plugin.
func (h hosted) Handles(kind sdk.Kind) bool { return h.Describe().Judges(kind) }
