package apikey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// maxDepth is how deep an answer may be nested.
const maxDepth = 32

// answer is what a service says of a key that it knows.
type answer struct {
	KeyID   string `json:"key_id"`
	KeyName string `json:"key_name"`

	Subject      string          `json:"subject"`
	Username     string          `json:"username"`
	Name         string          `json:"name"`
	Email        string          `json:"email"`
	Organisation string          `json:"organisation"`
	DefaultUnit  string          `json:"default_unit"`
	Units        []string        `json:"units"`
	Groups       []string        `json:"groups"`
	Roles        []string        `json:"roles"`
	Claims       json.RawMessage `json:"claims"`

	Scopes   []string  `json:"scopes"`
	Audience []string  `json:"audience"`
	Sources  []string  `json:"sources"`
	Expires  time.Time `json:"expires"`
}

// refusal is what a service may say of a key that it denies.
type refusal struct {
	Reason sdk.Reason `json:"reason"`
}

// judge reads an answer. An error that wraps neither sdk.ErrUnknown nor
// sdk.ErrDenied says in what way it is none.
func judge(status int, header http.Header, body []byte) (*Record, error) {
	switch status {
	case http.StatusOK:
		return parseAnswer(body)
	case http.StatusNotFound:
		return nil, sdk.ErrUnknown
	case http.StatusUnauthorized, http.StatusForbidden:
		if header.Get("WWW-Authenticate") != "" {
			return nil, fmt.Errorf("it does not take our credential (%d with WWW-Authenticate)", status)
		}
		return nil, parseRefusal(body)
	case http.StatusTooManyRequests:
		return nil, errors.New("it has had too many questions (429)")
	}
	if status >= 300 && status < 400 {
		return nil, fmt.Errorf("it answers with a redirect (%d), which is not followed; write the address itself into verify_url", status)
	}
	return nil, fmt.Errorf("it answers %d", status)
}

// parseAnswer reads what a service says of a key that it knows. Nothing is
// guessed: a misspelt name would otherwise be a bound that does not hold.
func parseAnswer(body []byte) (*Record, error) {
	var a answer
	if err := decode(body, &a); err != nil {
		return nil, err
	}
	var sources []netip.Prefix
	if a.Sources != nil {
		parsed, err := ParseSources(a.Sources)
		if err != nil {
			return nil, errors.New("sources of its answer: an entry is neither an address nor a CIDR such as 192.0.2.0/24")
		}
		sources = append([]netip.Prefix{}, parsed...) // none is nowhere
	}
	var id sdk.Identity // knows how numbers in claims are read
	if a.Claims != nil {
		if err := json.Unmarshal([]byte(`{"claims":`+string(a.Claims)+`}`), &id); err != nil {
			return nil, fmt.Errorf("claims of its answer: %w", err)
		}
	}
	r := &Record{
		ID: a.KeyID, Name: a.KeyName,
		Owner: Owner{
			Subject: a.Subject, Username: a.Username, Name: a.Name, Email: a.Email, Organisation: a.Organisation,
			DefaultUnit: a.DefaultUnit, Units: a.Units, Groups: a.Groups, Roles: a.Roles, Claims: id.Claims,
		},
		Scopes: a.Scopes, Audience: a.Audience, Sources: sources, Expires: a.Expires,
	}
	if len(r.ID) > sdk.MaxString || len(r.Name) > sdk.MaxString {
		return nil, fmt.Errorf("key_id or key_name of its answer is longer than %d bytes", sdk.MaxString)
	}
	if err := r.identity().Check(); err != nil {
		return nil, fmt.Errorf("its answer: %w", err)
	}
	return r, nil
}

// parseRefusal reads why a service denies a key; without a word the key is
// invalid. What is not ours, such as the page of a proxy, denies nobody.
func parseRefusal(body []byte) error {
	var r refusal
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decode(body, &r); err != nil {
			return err
		}
	}
	switch r.Reason {
	case "":
		return sdk.Denied(sdk.Invalid)
	case sdk.Invalid, sdk.Locked, sdk.Disabled, sdk.Expired:
		return sdk.Denied(r.Reason)
	}
	return errors.New("reason of its answer is none of invalid, locked, disabled and expired")
}

// decode reads one JSON object into a struct: all names known and as they are
// written, none twice.
func decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return errors.New("its answer is not UTF-8")
	}
	walker := json.NewDecoder(bytes.NewReader(body))
	walker.UseNumber()
	if err := walk(walker, 0); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("its answer: more than one JSON value")
	}
	return nil
}

// walk reads a value and refuses what encoding/json would let pass.
func walk(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	switch {
	case depth == 0 && open != '{':
		return errors.New("no JSON object")
	case !nested:
		return nil
	case depth == maxDepth:
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string)
			switch {
			case names[name]:
				return fmt.Errorf("the name %q is there twice", name)
			case depth == 0 && name != strings.ToLower(name):
				return fmt.Errorf("unknown field %q", name)
			}
			names[name] = true
		}
		if err := walk(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
