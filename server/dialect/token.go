package dialect

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// encode makes the token of a draft for a request.
func (a *API) encode(ctx context.Context, d *Draft, r *route, request requestVariables) error {
	if err := confine(&d.Identity, request); err != nil {
		return err
	}
	session := ""
	if d.Renewed {
		session = d.Session
	}
	d.ID, d.Session = a.dialect.id.ids(session)
	v := a.issuing(d, request)
	for i := range r.refuse {
		if err := r.refuse[i].check(v); err != nil {
			return err
		}
	}
	claims, err := a.dialect.claims.AppendJSON(make([]byte, 0, 1<<10), v)
	if err != nil {
		return fmt.Errorf("make claims: %w", err)
	}
	if d.Text, err = a.sign(ctx, claims); err != nil {
		return err
	}
	if !a.readsID {
		d.ID = hashID(d.Text)
		if !a.readsOf {
			d.Session = d.ID // it is never Renewed: see compiler.checkRead
		}
	}
	return nil
}

// confine holds the identity to the tenant and the unit that were asked for,
// also where a plugin does not know of such things.
func confine(id *sdk.Identity, request requestVariables) error {
	if asked := request.Organisation; asked != "" && fold(id.Organisation) != fold(asked) {
		return &Refusal{Outcome: Denied, Reason: "another organisation"}
	}
	asked := request.Unit
	if asked == "" || asked == id.Unit {
		return nil
	}
	if !slices.Contains(id.Units, asked) {
		return &Refusal{Outcome: Denied, Reason: "not a unit of theirs"}
	}
	id.Unit = asked
	return nil
}

// fold returns an organisation as it is compared.
func fold(name string) string { return strings.ToLower(norm.NFKC.String(name)) }

func (a *API) issuing(d *Draft, request requestVariables) *issuing {
	return &issuing{
		Identity: &d.Identity,
		Client:   clientVariables{d.ClientID, d.ClientName},
		Request:  request,
		Session:  sessionVariables{d.Session},
		Token:    a.tokenVariables(d),
		Issuer:   a.Issuer,
		Options:  a.options,
	}
}

func (a *API) tokenVariables(d *Draft) tokenVariables {
	notBefore := d.Issued.Add(-a.dialect.backdate)
	return tokenVariables{
		ID: d.ID, Algorithm: a.algorithm, Scopes: d.Scopes, Audience: d.Audience,
		Issued: d.Issued, NotBefore: notBefore, Expires: d.Expires, Lifetime: d.Expires.Sub(d.Issued),
		Exp: a.times.value(d.Expires), Iat: a.times.value(d.Issued), Nbf: a.times.value(notBefore),
	}
}

// check returns a Refusal where the rule's condition holds.
func (r *rule) check(v *issuing) error {
	text, err := r.when.AppendJSON(nil, v)
	switch {
	case err != nil:
		return fmt.Errorf("refuse rule of %s: %w", r.outcome, err)
	case string(text) == "true":
		return &Refusal{Outcome: r.outcome, Reason: string(r.outcome)}
	case string(text) != "false":
		return fmt.Errorf("refuse rule of %s: true or false is wanted, not %.32s", r.outcome, text)
	}
	return nil
}

// sign makes a token of claims: with the dialect's secret, or by the issuer's
// published keys.
func (a *API) sign(ctx context.Context, claims []byte) (string, error) {
	if a.hmac == nil {
		if a.zip {
			return "", errors.New("sign token: published keys sign no compressed payloads")
		}
		return a.Keys.Sign(ctx, a.algorithm, a.dialect.typ, claims)
	}
	secret, _, err := a.secrets(ctx)
	if err != nil {
		return "", err
	}
	if a.zip {
		if claims, err = deflate(claims); err != nil {
			return "", err
		}
	}
	text := make([]byte, 0, len(a.header)+len(claims)*4/3+100)
	text = append(text, a.header...)
	text = base64.RawURLEncoding.AppendEncode(text, claims)
	signature, err := a.hmac.Sign(string(text), secret)
	if err != nil {
		return "", errors.New("sign token: HMAC failed") // its error may quote what it was given
	}
	return string(base64.RawURLEncoding.AppendEncode(append(text, '.'), signature)), nil
}

// minSecret is the least that a secret may be, in bytes: an empty one would be
// accepted by HMAC.
const minSecret = 16

func (a *API) secrets(ctx context.Context) (current []byte, all [][]byte, err error) {
	current, all, err = a.Secrets.Secret(ctx, a.Name)
	if err == nil && len(current) < minSecret {
		err = fmt.Errorf("it is shorter than %d bytes", minSecret)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("secret of dialect %s: %w", a.Name, err)
	}
	return current, all, nil
}

// hashID is how a token is known that carries no id: by a hash of what is
// signed. The signature is left out, since some can be rewritten.
func hashID(token string) string {
	signed := token[:max(strings.LastIndexByte(token, '.'), 0)]
	sum := sha256.Sum256([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// csrfOf is what a session in a cookie repeats in a header. Who can compute it
// knows the token.
func csrfOf(token string) string {
	sum := sha256.Sum256([]byte("csrf " + token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
