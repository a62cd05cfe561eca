package oauth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/claimsmith/claimsmith/server/audit"
	"github.com/claimsmith/claimsmith/storage"
)

// serveRevoke is the revocation endpoint (RFC 7009).
func (p *Provider) serveRevoke(w http.ResponseWriter, r *http.Request) {
	event := audit.FromContext(r.Context())
	if err := p.revokeToken(w, r); err != nil {
		p.writeError(w, event, asError(err))
		return
	}
	// Nobody reads the body (section 2.2), but some clients fail without JSON.
	writeJSON(w, event, http.StatusOK, struct{}{})
}

func (p *Provider) revokeToken(w http.ResponseWriter, r *http.Request) error {
	client, form, err := p.receive(w, r)
	if err != nil {
		return err
	}
	text, err := tokenOf(form)
	if err != nil {
		return err
	}
	event := audit.FromContext(r.Context())
	t, err := p.find(r.Context(), text)
	switch {
	case errors.Is(err, ErrUnknownToken):
		event.Reason = err.Error()
		return nil // RFC 7009 section 2.2: the client could do nothing about it
	case err != nil:
		return err
	}
	event.Subject, event.Session, event.TokenID = t.Subject, t.Session, t.ID
	if t.Client != client.ID {
		return invalidGrant("the token was issued to another client", nil) // section 2.1
	}
	return p.revoke(r.Context(), t)
}

// revoke ends a token: an access token alone, a refresh token with its session
// and every access token of it.
func (p *Provider) revoke(ctx context.Context, t FoundToken) error {
	var err error
	if t.Kind == KindRefreshToken {
		err = p.Sessions.EndSession(ctx, p.Name, t.Session, "revoked by the client", time.Now())
	} else {
		err = p.Revocations.Revoke(ctx, storage.Revocation{Issuer: p.Name, Kind: storage.KindJTI, Value: t.ID, Expires: t.Expires})
	}
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fromStorage(err)
	}
	return nil
}
