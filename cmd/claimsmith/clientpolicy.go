package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/claimsmith/claimsmith/cmd/claimsmith/config"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// policyFlags are what create and update may let a client do beyond asking for tokens.
type policyFlags struct {
	jwksFile, jwksURL      string
	exchange, origins      []string
	introspectAny          bool
	idle, absolute, outage time.Duration
}

func (f *policyFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.jwksFile, "jwks", "", "JWK Set `FILE` with the public keys of its assertions (private_key_jwt)")
	c.Flags().StringVar(&f.jwksURL, "jwks-url", "", "https `URL` of that JWK Set, instead of a file")
	c.Flags().StringSliceVar(&f.exchange, "exchange", nil, "an audience it may trade access tokens for")
	c.Flags().StringSliceVar(&f.origins, "origin", nil, "an origin whose scripts in browsers may read its answers")
	c.Flags().BoolVar(&f.introspectAny, "introspect-any", false, "it sees every token at introspection")
	c.Flags().DurationVar(&f.idle, "refresh-idle", 0, "a refresh token that is not used for so long ends; 0: the issuer's")
	c.Flags().DurationVar(&f.absolute, "refresh-absolute", 0, "a session ends so long after its login; 0: the issuer's")
	c.Flags().DurationVar(&f.outage, "refresh-outage", 0, "while a plugin is down, refresh for so long after it last vouched; 0: not at all")
	c.MarkFlagsMutuallyExclusive("jwks", "jwks-url")
}

// apply writes the flags that were given into the policy.
func (f *policyFlags) apply(c *cobra.Command, p *storage.ClientPolicy) error {
	given := c.Flags().Changed
	set(&p.Exchange, f.exchange, given("exchange"))
	set(&p.Origins, f.origins, given("origin"))
	set(&p.IntrospectAny, f.introspectAny, given("introspect-any"))
	set(&p.RefreshIdle, f.idle, given("refresh-idle"))
	set(&p.RefreshAbsolute, f.absolute, given("refresh-absolute"))
	set(&p.RefreshOutage, f.outage, given("refresh-outage"))
	if min(p.RefreshIdle, p.RefreshAbsolute, p.RefreshOutage) < 0 {
		return fmt.Errorf("a lifetime is less than 0")
	}
	for _, origin := range p.Origins {
		if err := oauth.CheckOrigin(origin); err != nil {
			return fmt.Errorf("--origin %s: %w", origin, err)
		}
	}
	return f.applyKeys(c, p)
}

func (f *policyFlags) applyKeys(c *cobra.Command, p *storage.ClientPolicy) error {
	given := c.Flags().Changed
	if given("jwks-url") {
		if err := oauth.CheckKeySetURL(f.jwksURL); err != nil && f.jwksURL != "" {
			return fmt.Errorf("--jwks-url: %w", err)
		}
		p.JWKS, p.JWKSURL = "", f.jwksURL
	}
	if given("jwks") {
		p.JWKS, p.JWKSURL = "", ""
		if f.jwksFile == "" {
			return nil
		}
		text, err := config.ReadKeySet(f.jwksFile)
		if err != nil {
			return fmt.Errorf("--jwks: %w", err)
		}
		p.JWKS = text
	}
	return nil
}

func set[T any](field *T, value T, given bool) {
	if given {
		*field = value
	}
}

// policyView is a policy as commands show it.
type policyView struct {
	Methods         []oauth.ClientMethod `json:"auth_methods"`
	JWKSURL         string               `json:"jwks_url,omitempty"`
	Exchange        []string             `json:"exchange,omitempty"`
	IntrospectAny   bool                 `json:"introspect_any,omitempty"`
	Origins         []string             `json:"origins,omitempty"`
	RefreshIdle     string               `json:"refresh_idle,omitempty"`
	RefreshAbsolute string               `json:"refresh_absolute,omitempty"`
	RefreshOutage   string               `json:"refresh_outage,omitempty"`
}

func viewPolicy(c storage.Client) policyView {
	v := policyView{
		JWKSURL: c.JWKSURL, Exchange: c.Exchange, IntrospectAny: c.IntrospectAny, Origins: c.Origins,
		RefreshIdle: shown(c.RefreshIdle), RefreshAbsolute: shown(c.RefreshAbsolute), RefreshOutage: shown(c.RefreshOutage),
	}
	if len(c.Secrets) > 0 {
		v.Methods = append(v.Methods, oauth.ClientSecretBasic, oauth.ClientSecretPost)
	}
	if c.JWKS != "" || c.JWKSURL != "" {
		v.Methods = append(v.Methods, oauth.ClientPrivateKeyJWT)
	}
	if c.Public() {
		v.Methods = append(v.Methods, oauth.ClientNone)
	}
	return v
}

// shown is a duration, or "" for none.
func shown(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
