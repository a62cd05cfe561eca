package oauth

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/shape"
	"github.com/claimsmith/claimsmith/storage"
)

// reservedClaims are the claims that no shape may set: they are the server's
// word.
var reservedClaims = []string{"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "sid", "act", "cnf"}

// Claims is a compiled shape of custom claims.
type Claims struct {
	shape *shape.Shape[variables]
}

// variables are what an expression of a claims shape may name.
type variables struct {
	Identity *sdk.Identity    `json:"identity"`
	Client   clientVariables  `json:"client"`
	Request  requestVariables `json:"request"`
	Session  sessionVariables `json:"session"`
	Token    tokenVariables   `json:"token"`
}

type clientVariables struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type requestVariables struct {
	Grant      string            `json:"grant"`
	Attributes map[string]string `json:"attributes"` // organisation, unit, device; as asked for
	Remote     netip.Addr        `json:"remote"`
}

type sessionVariables struct {
	ID string `json:"id"`
}

type tokenVariables struct {
	ID       string        `json:"id"`
	Scopes   []string      `json:"scopes"`
	Audience []string      `json:"audience"`
	Issued   time.Time     `json:"issued"`
	Expires  time.Time     `json:"expires"`
	Lifetime time.Duration `json:"lifetime"`
}

// claimsEnv is made once, at first use: it takes some milliseconds that a
// plugin's process need not spend.
var claimsEnv = sync.OnceValue(func() *shape.Env[variables] {
	env, err := shape.NewEnv[variables]()
	if err != nil {
		panic(err) // the struct above is at fault
	}
	return env
})

// CompileClaims compiles the claims of a configuration file. The error is of
// type shape.Faults, with positions in that file.
func CompileClaims(tree ast.Node) (*Claims, error) {
	s, err := shape.Compile(tree, claimsEnv(), shape.Mapping(), shape.Reserve(reservedClaims...))
	if err != nil {
		return nil, err
	}
	return &Claims{s}, nil
}

// ParseClaims compiles the claims in a text of their own; name is what errors
// call it.
func ParseClaims(name string, text []byte) (*Claims, error) {
	s, err := shape.CompileText(text, claimsEnv(), shape.Mapping(), shape.Reserve(reservedClaims...))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Claims{s}, nil
}

// maxShapes bounds a claimsCache.
const maxShapes = 4096

// claimsCache keeps the shapes of clients that have claims of their own, by
// their text: the issuer's with the client's over it.
type claimsCache struct {
	byText sync.Map // string → *compiled
	count  atomic.Int64
}

type compiled struct {
	claims *Claims
	err    error
}

// claimsOf returns the shape for a client, or nil for none.
func (p *Provider) claimsOf(client *storage.Client) (*Claims, error) {
	if client.Claims == "" {
		return p.Claims, nil
	}
	if c, ok := p.claims.byText.Load(client.Claims); ok {
		return c.(*compiled).claims, c.(*compiled).err
	}
	var c compiled
	c.claims, c.err = ParseClaims("claims of client "+client.ID, []byte(client.Claims))
	if c.err == nil && p.Claims != nil {
		c.claims = &Claims{p.Claims.shape.With(c.claims.shape)}
	}
	if p.claims.count.Add(1) > maxShapes {
		p.claims.byText.Clear()
		p.claims.count.Store(1)
	}
	p.claims.byText.Store(client.Claims, &c)
	return c.claims, c.err
}

// appendClaims adds the shaped claims to the payload, a JSON object.
func (p *Provider) appendClaims(payload []byte, x *exchange) ([]byte, error) {
	if x.carried != nil {
		return x.appendCarried(payload)
	}
	claims, err := p.claimsOf(x.client)
	if err != nil || claims == nil {
		return payload, err
	}
	last := len(payload) - 1
	out, err := claims.shape.AppendJSON(payload[:last], x.variables())
	if err != nil {
		return nil, fmt.Errorf("render claims: %w", err)
	}
	return join(out, last)
}

// variables are what a shape may name of the exchange.
func (x *exchange) variables() *variables {
	return &variables{
		Identity: &x.identity,
		Client:   clientVariables{ID: x.client.ID, Name: x.client.Name},
		Request:  requestVariables{Grant: x.request.Grant, Attributes: x.request.Attributes, Remote: x.request.Remote},
		Session:  sessionVariables{ID: x.sessionID},
		Token: tokenVariables{
			ID: x.token.ID, Scopes: x.token.Scopes, Audience: x.token.Audience,
			Issued: x.token.Issued, Expires: x.token.Expires, Lifetime: x.token.Expires.Sub(x.token.Issued),
		},
	}
}

// join makes one JSON object of two, of which the first lacks its closing
// brace and ends before at.
func join(objects []byte, at int) ([]byte, error) {
	switch {
	case len(objects) < at+2 || objects[at] != '{':
		return nil, errors.New("render claims: not an object")
	case objects[at+1] == '}':
		return append(objects[:at], '}'), nil
	}
	objects[at] = ','
	return objects, nil
}
