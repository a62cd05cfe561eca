package dialect

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// Explanation is what a dialect makes of a request, and what it would answer if
// the credential were right.
type Explanation struct {
	Route  string        `json:"route"` // "none" where none matches
	Fields []FieldSource `json:"fields"`
	// Header and Claims are those of the token that would be issued.
	Header  json.RawMessage `json:"header,omitempty"`
	Claims  json.RawMessage `json:"claims,omitempty"`
	Status  int             `json:"status"`
	Answer  http.Header     `json:"answer_headers"`
	Body    string          `json:"body"`
	Problem string          `json:"problem,omitempty"` // why it is no success
}

// FieldSource is a field of a request and where it was found. Of a secret the
// value is not shown.
type FieldSource struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // "" for a default
}

// Explain shows what the dialect makes of a request, for a person who has all
// facts and whose credential is right. Nobody is asked and nothing is signed
// with a real key.
func (d *Dialect) Explain(r *http.Request) (Explanation, error) {
	b := &stage{}
	api, err := New(Config{Dialect: d, Issuer: "https://issuer.example", Keys: b, Secrets: b})
	if err != nil {
		return Explanation{}, err
	}
	w := &capture{header: http.Header{}}
	c := (&Endpoint{API: api, Backend: b}).answer(w, r)
	e := Explanation{Route: c.route.name, Fields: []FieldSource{}, Status: w.status, Answer: w.header, Body: w.body.String(), Header: b.header, Claims: b.claims}
	for _, f := range c.route.fields {
		got := c.fields[f.name]
		if got.value == "" {
			continue
		}
		if slices.Contains(secretFields, f.name) {
			got.value = sdk.Secret(got.value).String()
		}
		source := ""
		if got.source.place != "" {
			source = strings.TrimSpace(string(got.source.place) + " " + got.source.name)
		}
		e.Fields = append(e.Fields, FieldSource{f.name, got.value, source})
	}
	if c.refusal != nil {
		e.Problem = c.refusal.Error()
	}
	return e, nil
}

// ParseRequest reads a request as people write one into a file: a line with
// method and path, header lines, a blank line, and a body up to the end.
func ParseRequest(text []byte) (*http.Request, error) {
	head, body, _ := bytes.Cut(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	first, rest, _ := strings.Cut(string(head), "\n")
	if !strings.Contains(first, " HTTP/") {
		first = strings.TrimSpace(first) + " HTTP/1.1"
	}
	body = bytes.TrimRight(body, "\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(first + "\n" + rest + "\n\n")))
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r, nil
}

// capture keeps what is answered.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header         { return c.header }
func (c *capture) WriteHeader(status int)      { c.status = status }
func (c *capture) Write(b []byte) (int, error) { return c.body.Write(b) }

// stage is a Backend, Keys and Secrets on which every credential is right and
// no signature is real.
type stage struct {
	header, claims json.RawMessage
}

func (s *stage) Login(ctx context.Context, l Login, f Format) (string, error) {
	return "", s.issue(ctx, l, f)
}

func (s *stage) Refresh(ctx context.Context, _ sdk.Secret, f Format) (string, error) {
	return "the-next-refresh-token", s.issue(ctx, Login{}, f)
}

func (s *stage) issue(ctx context.Context, l Login, f Format) error {
	now := time.Now().Truncate(time.Second)
	d := &Draft{
		ClientID: "client", ClientName: "Client", Issued: now, Expires: now.Add(cmp.Or(f.Lifetime, 10*time.Minute)),
		Scopes: []string{"read"}, Audience: []string{"https://api.example"}, Identity: sample(l),
	}
	if err := f.Encode(ctx, d); err != nil {
		return err
	}
	p, err := parse(d.Text)
	if err != nil {
		return err
	}
	if s.header, err = json.Marshal(p.header); err != nil {
		return err
	}
	s.claims, err = p.inflated()
	return err
}

// sample is a person with every fact that the built-in users table has.
func sample(l Login) sdk.Identity {
	asked := func(name, otherwise string) string { return cmp.Or(l.Attributes[name], otherwise) }
	return sdk.Identity{
		Subject: "7d6bde60-36da-4e91-93d5-64ff105e1a23", Username: cmp.Or(l.Credential.Username, "alice"),
		Name: "Alice Liddell", Email: "alice@example.com", Organisation: asked(organisationField, "Acme"),
		Unit: asked(unitField, "north"), Units: []string{"north", "south"},
		Groups: []string{"staff"}, Roles: []string{"editor"}, Plugin: "people",
		Claims: map[string]any{
			"default_unit": "north", "user_type": "person", "time_zone": "Europe/London", "date_format": "dd/MM/yyyy",
			"email_verified": true, "created": int64(1600000000000), "updated": int64(1700000000000),
		},
	}
}

func (s *stage) StartRefresh(context.Context, *Token) (string, error) {
	return "a-refresh-token", nil
}
func (s *stage) EndRefresh(context.Context, sdk.Secret) error           { return nil }
func (s *stage) Identity(context.Context, *Token) (sdk.Identity, error) { return sample(Login{}), nil }
func (s *stage) Revoked(context.Context, *Token) (bool, error)          { return false, nil }
func (s *stage) Revoke(context.Context, *Token) error                   { return nil }
func (s *stage) Secret(context.Context, string) ([]byte, [][]byte, error) {
	return stageSecret, [][]byte{stageSecret}, nil
}

var stageSecret = make([]byte, 64)

func (s *stage) Sign(_ context.Context, algorithm, typ string, claims []byte) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": algorithm, "typ": cmp.Or(typ, "JWT"), "kid": "the-key-id"})
	encode := base64.RawURLEncoding.EncodeToString
	return encode(header) + "." + encode(claims) + "." + encode([]byte("not a signature")), err
}

func (s *stage) Verify(_ context.Context, token string) (header, payload json.RawMessage, err error) {
	p, err := parse(token)
	if err != nil {
		return nil, nil, err
	}
	if string(p.signature) != "not a signature" {
		return nil, nil, errors.New("explain knows only tokens that it made")
	}
	header, err = json.Marshal(p.header)
	return header, p.payload, err
}
