package config

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/oauth"
	"github.com/claimsmith/claimsmith/storage"
)

// TrustedParties are the issuers whose assertions the issuer takes.
func (i *Issuer) TrustedParties() []oauth.TrustedIssuer { return i.trusted }

func (c *checker) checkTrustedIssuer(i *Issuer, t *TrustedIssuer, path string) {
	for _, other := range i.trusted {
		if other.Issuer == t.Issuer {
			c.doc.Fault(path+".issuer", "another trusted issuer has this name", "")
		}
	}
	for k, name := range t.Algorithms {
		if !slices.Contains(oauth.AssertionAlgorithms, name) {
			c.doc.Fault(fmt.Sprintf("%s.algorithms[%d]", path, k), "not an algorithm with public keys", "it is one of "+list(oauth.AssertionAlgorithms))
		}
	}
	trusted := oauth.TrustedIssuer{
		Issuer: t.Issuer, Keys: c.keySet(path+".jwks", t.JWKS), Audience: t.Audience, Algorithms: t.Algorithms,
	}
	if t.Identity != nil {
		members, _ := strictyaml.Value(t.Identity).(map[string]any)
		for name := range members {
			if !slices.Contains(oauth.IdentityFields, strings.TrimSuffix(name, "?")) {
				c.doc.Fault(path+".identity", "an identity has no "+name, "it has "+list(oauth.IdentityFields))
			}
		}
		mapping, err := oauth.CompileMapping(t.Identity)
		c.shapeFaults(err)
		trusted.Identity = mapping
	}
	i.trusted = append(i.trusted, trusted)
}

// keySet returns where the keys of somebody else are; those in a file are read now.
func (c *checker) keySet(path string, k KeySet) oauth.KeySource {
	if (k.File == "") == (k.URL == "") {
		c.doc.Fault(path, "keys are in a file or at a URL", "give one of file and url")
		return oauth.KeySource{}
	}
	if k.URL != "" {
		if err := oauth.CheckKeySetURL(k.URL); err != nil {
			c.doc.Fault(path+".url", err.Error(), "")
		}
		return oauth.KeySource{URL: k.URL}
	}
	text, err := ReadKeySet(within(c.Dir, k.File))
	if err != nil {
		c.doc.Fault(path+".file", err.Error(), "")
	}
	return oauth.KeySource{JWKS: text}
}

// ReadKeySet returns the text of a file that is a JWK Set with public keys alone.
func ReadKeySet(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", err
	}
	if _, err := oauth.ParseKeySet(text); err != nil {
		return "", err
	}
	return string(text), nil
}

// clientPolicy is what a client of the configuration may do beyond asking for tokens.
func (c *checker) clientPolicy(client *Client, path string) storage.ClientPolicy {
	policy := storage.ClientPolicy{
		Exchange: client.Exchange, IntrospectAny: client.Introspect == "any", Origins: client.Origins,
		RefreshIdle:     client.RefreshToken.Idle.Std(),
		RefreshAbsolute: client.RefreshToken.Absolute.Std(),
		RefreshOutage:   client.RefreshToken.Outage.Std(),
	}
	for k, origin := range client.Origins {
		if err := oauth.CheckOrigin(origin); err != nil {
			c.doc.Fault(fmt.Sprintf("%s.origins[%d]", path, k), err.Error(), "")
		}
	}
	if client.JWKS != nil {
		source := c.keySet(path+".jwks", *client.JWKS)
		policy.JWKS, policy.JWKSURL = source.JWKS, source.URL
	}
	return policy
}
