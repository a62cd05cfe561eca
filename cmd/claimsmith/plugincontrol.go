package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/server"
)

// pluginCommands answers commands about the plugins of a running server, on
// its control socket.
type pluginCommands struct{ *instance }

// Mount implements server.Mounter.
func (p pluginCommands) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /plugins", p.list)
	mux.HandleFunc("POST /plugins/{name}/upgrade", p.upgrade)
}

func (p pluginCommands) list(w http.ResponseWriter, _ *http.Request) {
	statuses := []host.Status{}
	for _, name := range slices.Sorted(maps.Keys(p.plugins())) {
		statuses = append(statuses, p.plugins()[name].Status())
	}
	answer(w, http.StatusOK, statuses)
}

func (p pluginCommands) upgrade(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	plugin, ok := p.plugins()[name]
	if !ok {
		refuse(w, http.StatusNotFound, hint(fmt.Errorf("no plugin %q runs", name), "claimsmith plugin list shows those that do"))
		return
	}
	if err := p.upgradePlugin(r.Context(), name); err != nil {
		refuse(w, http.StatusUnprocessableEntity, hint(err, "the plugin that served before goes on serving"))
		return
	}
	answer(w, http.StatusOK, plugin.Status())
}

// upgradePlugin replaces a plugin's process by one that is started with the
// configuration as it stands on disk now.
func (in *instance) upgradePlugin(ctx context.Context, name string) error {
	in.commands.Lock()
	defer in.commands.Unlock()
	p := in.current.Load()
	now, err := p.cfg.Reread()
	if err != nil {
		return err
	}
	if _, ok := now.Plugins[name]; !ok {
		return fmt.Errorf("%s has no plugin %s any more", now.File, name)
	}
	return p.plugins[name].Upgrade(ctx, pluginConfig(now, name, p.log))
}

// listenControl opens the control socket. A server without one serves all the
// same; it cannot be told anything.
func (p *process) listenControl() net.Listener {
	l, err := server.ListenControl(p.cfg.DataDir)
	if err != nil {
		p.log.Warn("commands cannot reach this server", "error", err, "hint", "give it a data directory of its own with --data")
		return nil
	}
	return l
}

// refusal is a command's error as it crosses the control socket.
type refusal struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func refuse(w http.ResponseWriter, status int, err error) {
	refused := refusal{Error: err.Error()}
	if h, ok := errors.AsType[*hintedError](err); ok {
		refused.Hint = h.hint
	}
	answer(w, status, refused)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
