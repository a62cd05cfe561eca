package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/plugins/host"
	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

func newClaimsCommand() *cobra.Command {
	s := new(site)
	c := &cobra.Command{Use: "claims", Short: "Look at the claims that tokens would have"}
	s.flags(c)
	s.issuerFlag(c)
	c.AddCommand(newClaimsExplainCommand(s))
	return c
}

// claimsView is what claims explain prints as JSON.
type claimsView struct {
	Plugin  string              `json:"plugin,omitempty"`
	Claims  []oauth.Explanation `json:"claims"`
	Payload json.RawMessage     `json:"payload,omitempty"`
}

func newClaimsExplainCommand(s *site) *cobra.Command {
	var p printer
	var client, user string
	var attributes map[string]string
	c := &cobra.Command{
		Use:   "explain",
		Short: "Print each claim, where it comes from, and the token it would be; none is issued",
		Args:  cobra.NoArgs,
		RunE: s.onIssuer(func(c *cobra.Command, o *opened, _ []string) error {
			identity := sdk.Identity{Subject: client}
			if user != "" {
				var err error
				if identity, err = lookUp(c.Context(), o, user); err != nil {
					return err
				}
			}
			view := claimsView{Plugin: identity.Plugin}
			longest, err := o.retention(c.Context())
			if err != nil {
				return err
			}
			view.Claims, view.Payload, err = explainer(o, longest).Explain(c.Context(), client, identity, attributes)
			if errors.Is(err, storage.ErrNotFound) {
				return hintClient(err, client)
			}
			if err != nil {
				return err
			}
			return showClaims(c, p, view)
		}),
	}
	c.Flags().StringVar(&client, "client", "", "`ID` of the client that would ask")
	c.Flags().StringVar(&user, "user", "", "user `NAME` or subject whom a plugin of the chain knows (default: the client itself)")
	c.Flags().StringToStringVar(&attributes, "attribute", nil, "`NAME=VALUE` that the request would carry, as unit=north")
	p.flag(c)
	must(c.MarkFlagRequired("client"))
	return c
}

// explainer is a provider that can say what a token would be, and no more.
func explainer(o *opened, longest time.Duration) *oauth.Provider {
	return oauth.New(oauth.Config{
		Name: o.issuer.Name, Issuer: o.issuer.URL, Audience: o.issuer.Audience,
		AccessTokenLifetime: o.issuer.AccessToken.Lifetime.Std(),
		LongestLifetime:     longest,
		Claims:              o.issuer.CompiledClaims(),
		Clients:             clients{o.issuer.StaticClients(), storage.NewClientCache(o.db)},
	})
}

// lookUp asks the plugins of the chain, each started for it, who a name is.
func lookUp(ctx context.Context, o *opened, name string) (sdk.Identity, error) {
	for _, plugin := range o.issuer.Chain {
		id, err := lookUpIn(ctx, o, plugin, name)
		if err == nil {
			id.Plugin = plugin
			return id, nil
		}
		if !errors.Is(err, sdk.ErrUnknown) {
			return sdk.Identity{}, fmt.Errorf("look up %s: plugin %s: %w", name, plugin, err)
		}
	}
	return sdk.Identity{}, hint(fmt.Errorf("look up %s: no plugin of the chain knows them", name),
		"a plugin answers for user names and subjects, if it can look people up at all")
}

func lookUpIn(ctx context.Context, o *opened, plugin, name string) (sdk.Identity, error) {
	process, err := host.Start(ctx, pluginConfig(o.config, plugin, slog.New(slog.DiscardHandler)))
	if err != nil {
		return sdk.Identity{}, err
	}
	defer process.Stop()
	if !process.Client().Describe().Can(sdk.AbilityLookup) {
		return sdk.Identity{}, sdk.ErrUnknown
	}
	return process.Client().Lookup(ctx, name)
}

func showClaims(c *cobra.Command, p printer, view claimsView) error {
	out := c.OutOrStdout()
	if p.json {
		return printJSON(out, view)
	}
	if view.Plugin != "" {
		fmt.Fprintf(out, "identity of plugin %s\n\n", view.Plugin)
	}
	err := print(p, out, "claim from value source", view.Claims, func(e oauth.Explanation) []any {
		value := string(e.Value)
		switch {
		case e.Error != "":
			value = "ERROR: " + e.Error
		case value == "":
			value = "(left out)"
		}
		return []any{e.Name, e.From, value, e.Source}
	})
	if err != nil || view.Payload == nil {
		return err
	}
	var payload bytes.Buffer
	if err := json.Indent(&payload, view.Payload, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "\n%s\n", &payload)
	return err
}
