package dialect

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrInvalid is wrapped by the errors for a token that is not one of the
// dialect's, or whose signature is wrong.
var ErrInvalid = errors.New("token is invalid")

// Token is a token of a dialect, read back. Its signature was right; its times
// are the caller's to check.
type Token struct {
	Text                       string
	ID, Session                string // of the server's making; never empty
	Subject, Username          string // at least one of them
	Organisation, Unit         string
	Algorithm                  string
	Issued, NotBefore, Expires time.Time // zero where the claims have none
	Header, Claims             map[string]any
}

// Valid reports whether the token holds at now.
func (t *Token) Valid(now time.Time) bool {
	return now.Before(t.Expires) && !now.Before(t.NotBefore)
}

const maxToken = 16 << 10 // bytes

// Read returns what a token says. The error wraps ErrInvalid unless the keys
// could not be read.
func (a *API) Read(ctx context.Context, text string) (*Token, error) {
	if len(text) > maxToken {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrInvalid, maxToken)
	}
	verify := a.verifyPublished
	if a.hmac != nil {
		verify = a.verifySecret
	}
	header, payload, err := verify(ctx, text)
	if err != nil {
		return nil, err
	}
	t := &Token{Text: text, Header: header}
	if t.Claims, err = parseObject(payload); err != nil {
		return nil, fmt.Errorf("%w: payload: %w", ErrInvalid, err)
	}
	t.Algorithm, _ = header["alg"].(string)
	return t, a.interpret(t)
}

func (a *API) verifyPublished(ctx context.Context, text string) (header map[string]any, payload []byte, err error) {
	rawHeader, payload, err := a.Keys.Verify(ctx, text)
	if err == nil {
		header, err = parseObject(rawHeader)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if header["alg"] != a.algorithm || header["typ"] != cmp.Or(a.dialect.typ, "JWT") {
		return nil, nil, fmt.Errorf("%w: another algorithm or type", ErrInvalid)
	}
	return header, payload, nil
}

func (a *API) verifySecret(ctx context.Context, text string) (header map[string]any, payload []byte, err error) {
	p, err := parse(text)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, critical := p.header["crit"]; critical || p.header["alg"] != a.algorithm {
		return nil, nil, fmt.Errorf("%w: another algorithm, or crit", ErrInvalid)
	}
	_, all, err := a.secrets(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !a.verifies(p.signed, p.signature, all) {
		return nil, nil, fmt.Errorf("%w: the signature is wrong", ErrInvalid)
	}
	if payload, err = p.inflated(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return p.header, payload, nil
}

// parts are those of a token in the compact form.
type parts struct {
	header             map[string]any
	payload, signature []byte
	signed             string
}

func parse(text string) (parts, error) {
	three := strings.Split(text, ".")
	if len(three) != 3 {
		return parts{}, errors.New("not three parts")
	}
	var decoded [3][]byte
	for i, p := range three {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(p); err != nil {
			return parts{}, errors.New("not base64url")
		}
	}
	header, err := parseObject(decoded[0])
	if err != nil {
		return parts{}, fmt.Errorf("header: %w", err)
	}
	return parts{header, decoded[1], decoded[2], text[:len(three[0])+1+len(three[1])]}, nil
}

// inflated returns the payload, which the header may say is compressed.
func (p parts) inflated() ([]byte, error) {
	if p.header["zip"] == "DEF" {
		return inflate(p.payload)
	}
	return p.payload, nil
}

func (a *API) verifies(signed string, signature []byte, secrets [][]byte) bool {
	for _, secret := range secrets {
		if len(secret) >= minSecret && a.hmac.Verify(signed, signature, secret) == nil {
			return true
		}
	}
	return false
}

func parseObject(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil || m == nil || d.More() {
		return nil, errors.New("not a JSON object")
	}
	return m, nil
}

// interpret fills in what the claims say. A token by the issuer's published
// keys may be another dialect's or an access token: it has other claims then.
func (a *API) interpret(t *Token) error {
	if a.hmac == nil && a.claims != nil {
		for name := range t.Claims {
			if !a.claims[name] {
				return fmt.Errorf("%w: the claim %.64q is not one of this dialect's", ErrInvalid, name)
			}
		}
	}
	text, err := a.dialect.read.AppendJSON(nil, &reading{t.Header, t.Claims})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	said := struct{ ID, Session, Subject, Username, Organisation, Unit string }{}
	if err := json.Unmarshal(text, &said); err != nil {
		return fmt.Errorf("%w: a claim is no string", ErrInvalid)
	}
	t.ID, t.Session, t.Subject, t.Username = said.ID, said.Session, said.Subject, said.Username
	t.Organisation, t.Unit = said.Organisation, said.Unit
	if t.Subject == "" && t.Username == "" || a.readsID && t.ID == "" {
		return fmt.Errorf("%w: it does not say whose it is", ErrInvalid)
	}
	if t.ID == "" {
		t.ID = hashID(t.Text)
	}
	if t.Session == "" {
		t.Session = t.ID
	}
	return t.readTimes()
}

func (t *Token) readTimes() error {
	for name, into := range map[string]*time.Time{"exp": &t.Expires, "iat": &t.Issued, "nbf": &t.NotBefore} {
		v, ok := t.Claims[name]
		if !ok && name != "exp" {
			continue
		}
		if *into, ok = parseTime(v); !ok {
			return fmt.Errorf("%w: %s is no time", ErrInvalid, name)
		}
	}
	return nil
}
