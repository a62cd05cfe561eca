package dialect

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// login trades a credential for a token.
func (c *call) login(ctx context.Context) error {
	request := c.request()
	l := Login{
		Credential: sdk.Credential{Kind: sdk.Password, Username: c.fields.value(usernameField), Secret: c.fields.secret(passwordField)},
		Attributes: c.fields.attributes(),
		Remote:     request.Remote,
		Refresh:    c.route.starts,
	}
	if c.route.grant == apiKeyField {
		l.Credential = sdk.Credential{Kind: sdk.APIKey, Secret: c.fields.secret(apiKeyField)}
	}
	var draft *Draft
	refresh, err := c.Backend.Login(ctx, l, c.format(request, &draft))
	if err != nil {
		return err
	}
	return c.issued(draft, refresh)
}

// format is how the token for this call is made; the draft of it is kept in into.
func (c *call) format(request requestVariables, into **Draft) Format {
	return Format{
		Lifetime: c.lifetime,
		Encode: func(ctx context.Context, d *Draft) error {
			*into = d
			return c.encode(ctx, d, c.route, request)
		},
	}
}

// issued answers with a new token.
func (c *call) issued(d *Draft, refresh string) error {
	if d == nil {
		return errors.New("issue token: the backend had none encoded")
	}
	c.proved = true
	return c.succeed(&answering{
		Identity: &d.Identity,
		Client:   clientVariables{d.ClientID, d.ClientName},
		Session:  sessionVariables{d.Session},
		Token: issuedVariables{
			tokenVariables: c.tokenVariables(d),
			Text:           d.Text, Refresh: refresh, CSRF: csrfOf(d.Text), Subject: d.Identity.Subject,
		},
	})
}

// authenticate returns the token of a follow-up, which must hold.
func (c *call) authenticate(ctx context.Context) (*Token, error) {
	t, err := c.known(ctx)
	if err != nil {
		return nil, err
	}
	if !t.Valid(c.now) {
		return nil, &Refusal{Outcome: Unauthenticated, Reason: "the token has expired"}
	}
	return t, nil
}

// known returns the token of a follow-up, which may have expired.
func (c *call) known(ctx context.Context) (*Token, error) {
	t, err := c.Read(ctx, c.fields.value(tokenField))
	if errors.Is(err, ErrInvalid) {
		return nil, &Refusal{Outcome: Unauthenticated, Err: err}
	}
	if err != nil {
		return nil, err
	}
	c.event.TokenID, c.event.Session, c.event.Subject = t.ID, t.Session, t.Subject
	revoked, err := c.Backend.Revoked(ctx, t)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, &Refusal{Outcome: Unauthenticated, Reason: "the token was revoked"}
	}
	c.proved = true
	return t, c.checkCSRF(t)
}

// checkCSRF holds a session that came in a cookie to what only its own pages
// know, on routes that have a field for it.
func (c *call) checkCSRF(t *Token) error {
	given, has := c.fields[csrfField]
	if !has || c.fields[tokenField].source.place != inCookie {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(given.value), []byte(csrfOf(t.Text))) != 1 {
		return &Refusal{Outcome: NotAllowed, Message: "The CSRF token is missing or wrong", Reason: "csrf"}
	}
	return nil
}
