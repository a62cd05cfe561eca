package main

import (
	"fmt"
	"log/slog"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// pluginConfig is how a configured plugin runs.
func pluginConfig(cfg *config.Config, name string, log *slog.Logger) host.Config {
	p := cfg.Plugins[name]
	settings, secrets := p.Settings()
	return host.Config{
		Name:             name,
		Builtin:          p.Use,
		Command:          p.Command,
		SHA256:           p.SHA256,
		InsecureUnpinned: p.InsecureUnpinned,
		Needs:            abilitiesOf(cfg, name),
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

// abilitiesOf returns what the configuration has a plugin do beside judging.
func abilitiesOf(cfg *config.Config, name string) []sdk.Ability {
	for i := range cfg.Issuers {
		if cfg.Issuers[i].Keys.Signer == name {
			return []sdk.Ability{sdk.AbilitySign}
		}
	}
	return nil
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
