package dialect

import (
	"net/netip"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
	"github.com/claimsmith/claimsmith/server/shape"
)

// issuing are the variables of token.claims and of refuse rules.
type issuing struct {
	Identity *sdk.Identity    `json:"identity"`
	Client   clientVariables  `json:"client"`
	Request  requestVariables `json:"request"`
	Session  sessionVariables `json:"session"`
	Token    tokenVariables   `json:"token"`
	Issuer   string           `json:"issuer"` // the issuer URL
	Options  map[string]any   `json:"options"`
}

// answering are the variables of a success.
type answering struct {
	Identity *sdk.Identity    `json:"identity"`
	Client   clientVariables  `json:"client"`
	Request  requestVariables `json:"request"`
	Session  sessionVariables `json:"session"`
	Token    issuedVariables  `json:"token"`
	Issuer   string           `json:"issuer"`
	Options  map[string]any   `json:"options"`
	Now      time.Time        `json:"now"`
}

// failing are the variables of every other answer.
type failing struct {
	Failure failureVariables `json:"failure"`
	Request requestVariables `json:"request"`
	Issuer  string           `json:"issuer"`
	Options map[string]any   `json:"options"`
	Now     time.Time        `json:"now"`
}

// reading are the variables of token.read.
type reading struct {
	Header map[string]any `json:"header"`
	Claims map[string]any `json:"claims"`
}

type clientVariables struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// requestVariables are what the request says; its secrets are not among them.
type requestVariables struct {
	Route        string            `json:"route"`
	Username     string            `json:"username"`
	Organisation string            `json:"organisation"`
	Unit         string            `json:"unit"`
	Device       string            `json:"device"`
	Values       map[string]string `json:"values"` // the fields of the dialect's own naming
	Remote       netip.Addr        `json:"remote"`
}

type sessionVariables struct {
	ID string `json:"id"`
}

type tokenVariables struct {
	ID        string        `json:"id"`
	Algorithm string        `json:"algorithm"`
	Scopes    []string      `json:"scopes"`
	Audience  []string      `json:"audience"`
	Issued    time.Time     `json:"issued"`
	NotBefore time.Time     `json:"not_before"`
	Expires   time.Time     `json:"expires"`
	Lifetime  time.Duration `json:"lifetime"`

	// The three times in the dialect's form.
	Exp any `json:"exp"`
	Iat any `json:"iat"`
	Nbf any `json:"nbf"`
}

type issuedVariables struct {
	tokenVariables
	Text    string         `json:"text"`    // the token itself
	Refresh string         `json:"refresh"` // a refresh token; "" where none is issued
	CSRF    string         `json:"csrf"`    // what a cookie session repeats in a header
	Subject string         `json:"subject"` // of a token that was sent back
	Header  map[string]any `json:"header"`  // of a token that was sent back
	Claims  map[string]any `json:"claims"`  // of a token that was sent back
}

type failureVariables struct {
	Outcome    string              `json:"outcome"`
	Code       int                 `json:"code"`   // the status that HTTP has for the outcome
	Status     int                 `json:"status"` // the status of the answer
	Message    string              `json:"message"`
	Errors     []map[string]string `json:"errors"`      // field and message of each that is wrong
	RetryAfter int                 `json:"retry_after"` // seconds
}

// The environments are made once, at first use: each takes milliseconds.
var (
	issuingEnv   = sync.OnceValue(newEnv[issuing])
	answeringEnv = sync.OnceValue(newEnv[answering])
	failingEnv   = sync.OnceValue(newEnv[failing])
	readingEnv   = sync.OnceValue(newEnv[reading])
)

func newEnv[V any]() *shape.Env[V] {
	env, err := shape.NewEnv[V]()
	if err != nil {
		panic(err) // one of the structs above is at fault
	}
	return env
}
