package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/host"
)

// whichServer is how a command finds the server that it asks.
const whichServer = `
It asks the server that runs on the data directory, over the socket control.sock
there: the directory of --data, or that of the configuration file. Of several
replicas each has a data directory of its own, and is asked for itself.`

func newPluginListCommand() *cobra.Command {
	s, p := new(site), printer{}
	c := &cobra.Command{
		Use:   "list",
		Short: "List the plugins of the running server",
		Long:  "List the plugins of the running server, with what became of their calls since\nit was started.\n" + whichServer,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			server, err := s.control()
			if err != nil {
				return err
			}
			var list []host.Status
			if err := server.do(c.Context(), http.MethodGet, "/plugins", &list); err != nil {
				return err
			}
			return p.statuses(c, list)
		},
	}
	s.flags(c)
	p.flag(c)
	return c
}

func newPluginUpgradeCommand() *cobra.Command {
	s, p := new(site), printer{}
	c := &cobra.Command{
		Use:   "upgrade NAME",
		Short: "Replace a plugin of the running server without losing a login",
		Long: `Start a new process of a plugin beside the one that serves, with the
configuration as it stands on disk now, let it take over, and stop the old one
when its last call has ended. If the new one does not start, the old one goes on
serving and the error says why.
` + whichServer,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			server, err := s.control()
			if err != nil {
				return err
			}
			var now host.Status
			if err := server.do(c.Context(), http.MethodPost, "/plugins/"+url.PathEscape(args[0])+"/upgrade", &now); err != nil {
				return err
			}
			return p.statuses(c, []host.Status{now})
		},
	}
	s.flags(c)
	p.flag(c)
	return c
}

func (p printer) statuses(c *cobra.Command, list []host.Status) error {
	return print(p, c.OutOrStdout(), "name state since plugin version sha256 pid restarts calls in_flight median p99 last_error", list, func(s host.Status) []any {
		state := string(s.State)
		if s.Breaker {
			state += ", breaker open"
		}
		return []any{s.Name, state, s.Since, s.Plugin, s.Version, s.SHA256[:min(len(s.SHA256), 12)], s.PID, s.Restarts, s.Calls, s.InFlight,
			inMilliseconds(s.MedianMS), inMilliseconds(s.P99MS), strings.Join(strings.Fields(s.LastError), " ")}
	})
}

func inMilliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
