package floor

import (
	"context"
	"crypto/sha256"
	"net/http"
)

// newLogin returns token and plugin in series: the token endpoint for
// passwords, which asks a process behind a Unix socket.
func newLogin(c Config) (http.Handler, error) {
	call, err := dialEcho(c.Echo)
	if err != nil {
		return nil, err
	}
	return &token{Config: c, signer: newSigner(), secret: sha256.Sum256([]byte(c.Secret)), prove: func(r *http.Request) (string, bool) {
		subject, err := call(r.Context(), credential(r.PostForm.Get("username"), r.PostForm.Get("password"), c))
		return subject, err == nil
	}}, nil
}

// newDirectory returns what a login by LDAP cannot do without, in series: token,
// plugin, search and bind.
func newDirectory(c Config) (http.Handler, error) {
	call, err := dialEcho(c.Echo)
	if err != nil {
		return nil, err
	}
	ask, err := newLDAPStep(c)
	if err != nil {
		return nil, err
	}
	return &token{Config: c, signer: newSigner(), secret: sha256.Sum256([]byte(c.Secret)), prove: func(r *http.Request) (string, bool) {
		subject, err := call(r.Context(), credential(r.PostForm.Get("username"), r.PostForm.Get("password"), c))
		if err == nil {
			err = ask(r.Context())
		}
		return subject, err == nil
	}}, nil
}

// credential is about what a plugin must be told to judge a login.
func credential(username, password string, c Config) []byte {
	b := make([]byte, 0, 256)
	for _, field := range []string{username, password, c.Issuer, c.Client, "127.0.0.1"} {
		b = append(append(b, field...), 0)
	}
	return b
}

// echoCall asks an Echo and returns the subject that it answers with.
type echoCall func(ctx context.Context, credential []byte) (string, error)
