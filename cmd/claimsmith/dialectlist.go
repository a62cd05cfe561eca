package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// dialectRow is a dialect in a list.
type dialectRow struct {
	Dialect    string `json:"dialect"`
	Title      string `json:"title"`
	Algorithm  string `json:"algorithm"`
	Path       string `json:"path"`
	File       string `json:"file,omitempty"`   // "" for one that comes with the program
	Issuer     string `json:"issuer,omitempty"` // where a configuration serves it
	Client     string `json:"client,omitempty"`
	Deprecated string `json:"deprecated,omitempty"`
	Sunset     string `json:"sunset,omitempty"`

	// What the running server has counted; nil where none runs.
	Usage *dialectUsage `json:"usage,omitempty"`

	comes string // the name that it comes with the program by
}

// dialectUsage is who used a dialect since the server was started.
type dialectUsage struct {
	Requests int64         `json:"requests"`
	Logins   int64         `json:"logins"`
	Last     time.Time     `json:"last,omitzero"`
	Uses     []dialect.Use `json:"uses"`
}

func newDialectListCommand() *cobra.Command {
	var p printer
	s := new(site)
	c := &cobra.Command{
		Use:   "list",
		Short: "List the dialects that a configuration serves with who uses them, and those that come with the program",
		Long: "List the dialects that a configuration serves, and those that come with the\n" +
			"program. While the server runs, each has the logins and the requests that it\n" +
			"has served since the server was started, and which programs sent them; --json\n" +
			"tells these by route.\n" + whichServer,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			rows, err := listDialects(c.Context(), s)
			if err != nil {
				return err
			}
			head := "dialect title algorithm path file issuer client sunset logins requests last_use user_agents"
			return print(p, c.OutOrStdout(), head, rows, dialectRow.cells)
		},
	}
	s.flags(c)
	p.flag(c)
	return c
}

func (r dialectRow) cells() []any {
	cells := []any{r.Dialect, r.Title, r.Algorithm, r.Path, r.File, r.Issuer, r.Client, r.Sunset}
	if r.Usage == nil {
		return append(cells, "", "", "", "")
	}
	return append(cells, r.Usage.Logins, r.Usage.Requests, r.Usage.Last, strings.Join(r.Usage.agents(), ", "))
}

// agents are the programs with their numbers of requests, the busiest first.
func (u *dialectUsage) agents() []string {
	requests := map[string]int64{}
	for _, use := range u.Uses {
		requests[use.UserAgent] += use.Requests
	}
	names := slices.SortedFunc(maps.Keys(requests), func(a, b string) int {
		return cmp.Or(cmp.Compare(requests[b], requests[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, requests[name])
	}
	return names
}

// listDialects returns those that a configuration serves, then those that come
// with the program and are not among them.
func listDialects(ctx context.Context, s *site) ([]dialectRow, error) {
	rows, err := servedDialects(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, name := range dialect.Names() {
		if slices.ContainsFunc(rows, func(r dialectRow) bool { return r.comes == name }) {
			continue
		}
		d, err := loadDialect(name)
		if err != nil {
			return nil, err
		}
		rows = append(rows, dialectRow{Dialect: d.Name, Title: d.Title, Algorithm: d.Algorithm, Path: d.Path})
	}
	return rows, nil
}

func servedDialects(ctx context.Context, s *site) ([]dialectRow, error) {
	if s.file == "" && !s.demo {
		return nil, nil
	}
	cfg, err := s.load()
	if err != nil {
		return nil, err
	}
	uses, err := usesOfDialects(ctx, s)
	if err != nil {
		return nil, err
	}
	var rows []dialectRow
	for i := range cfg.Issuers {
		issuer := &cfg.Issuers[i]
		for k := range issuer.Dialects {
			d := &issuer.Dialects[k]
			api, err := dialect.New(d.Config(issuer.URL))
			if err != nil {
				return nil, err
			}
			rows = append(rows, dialectRow{
				Dialect: api.Name, Title: api.Dialect.Title, Algorithm: api.SignsWith(), Path: api.Host + api.Path, File: d.File,
				Issuer: issuer.Name, Client: d.Client, Deprecated: d.Deprecated, Sunset: d.Sunset,
				Usage: usageOf(uses, issuer.Name, api.Name), comes: d.Dialect,
			})
		}
	}
	return rows, nil
}

// usesOfDialects asks the running server; nil where none runs.
func usesOfDialects(ctx context.Context, s *site) (uses []dialect.Use, err error) {
	server, err := s.control()
	if err != nil {
		return nil, err
	}
	err = server.do(ctx, http.MethodGet, "/dialects", &uses)
	if errors.Is(err, errNoServer) {
		return nil, nil
	}
	return uses, err
}

func usageOf(uses []dialect.Use, issuer, name string) *dialectUsage {
	if uses == nil {
		return nil
	}
	u := &dialectUsage{Uses: []dialect.Use{}}
	for _, use := range uses {
		if use.Issuer != issuer || use.Dialect != name {
			continue
		}
		u.Requests += use.Requests
		u.Logins += use.Logins
		if u.Last.Before(use.Last) {
			u.Last = use.Last
		}
		u.Uses = append(u.Uses, use)
	}
	return u
}
