package dialect

import (
	"context"
	"errors"
)

// session answers with who a token stands for, as the plugin tells it now, or
// with what the token says alone.
func (c *call) session(ctx context.Context) error {
	t, err := c.authenticate(ctx)
	if err != nil {
		return err
	}
	if subject, has := c.fields[subjectField]; has && subject.value != t.Subject {
		return &Refusal{Outcome: NotAllowed, Reason: "another subject"}
	}
	v := c.sentBack(t)
	if c.route.kind == sessionKind {
		id, err := c.Backend.Identity(ctx, t)
		if err != nil {
			return err
		}
		v.Identity = &id
	}
	return c.succeed(v)
}

// sentBack are the variables of a token that a client sent back.
func (c *call) sentBack(t *Token) *answering {
	return &answering{
		Session: sessionVariables{t.Session},
		Token: issuedVariables{
			tokenVariables: tokenVariables{
				ID: t.ID, Algorithm: t.Algorithm, Issued: t.Issued, NotBefore: t.NotBefore, Expires: t.Expires,
				Lifetime: t.Expires.Sub(t.Issued), Exp: t.Claims["exp"], Iat: t.Claims["iat"], Nbf: t.Claims["nbf"],
			},
			Text: t.Text, CSRF: csrfOf(t.Text), Subject: t.Subject, Header: t.Header, Claims: t.Claims,
		},
	}
}

// refresh trades a refresh token for a token. Where the route takes the former
// token too, both must be of one session; that token may have expired.
func (c *call) refresh(ctx context.Context) error {
	former := ""
	if c.fields.value(tokenField) != "" {
		t, err := c.known(ctx)
		if err != nil {
			return err
		}
		former = t.Session
	}
	var draft *Draft
	f := c.format(c.request(), &draft)
	encode := f.Encode
	f.Encode = func(ctx context.Context, d *Draft) error {
		if former != "" && former != d.Session {
			return &Refusal{Outcome: Denied, Reason: "the refresh token is of another session"}
		}
		return encode(ctx, d)
	}
	successor, err := c.Backend.Refresh(ctx, c.fields.secret(refreshField), f)
	if err != nil {
		return err
	}
	return c.issued(draft, successor)
}

// startRefresh answers with the first refresh token of a token's session.
func (c *call) startRefresh(ctx context.Context) error {
	t, err := c.authenticate(ctx)
	if err != nil {
		return err
	}
	v := c.sentBack(t)
	if v.Token.Refresh, err = c.Backend.StartRefresh(ctx, t); err != nil {
		return err
	}
	return c.succeed(v)
}

func (c *call) endRefresh(ctx context.Context) error {
	if err := c.Backend.EndRefresh(ctx, c.fields.secret(refreshField)); err != nil {
		return err
	}
	c.proved = true
	return c.succeed(&answering{})
}

// logout ends a token. Of one that does not hold nothing is left to end, and
// the caller has what he wanted.
func (c *call) logout(ctx context.Context) error {
	if c.fields.value(tokenField) == "" {
		return c.succeed(&answering{})
	}
	t, err := c.authenticate(ctx)
	if r, ok := errors.AsType[*Refusal](err); ok && r.Outcome == Unauthenticated {
		return c.succeed(&answering{})
	}
	if err != nil {
		return err
	}
	if err := c.Backend.Revoke(ctx, t); err != nil {
		return err
	}
	return c.succeed(c.sentBack(t))
}
