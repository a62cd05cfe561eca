package dialect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxBody    = 64 << 10 // bytes
	maxMembers = 256      // of a JSON body or a form
)

// input is a request on the way to its fields.
type input struct {
	r       *http.Request
	path    map[string]string // the segments that the route's path names
	members members
	form    url.Values
	asked   url.Values // the query, once it was parsed
}

func (in *input) query() url.Values {
	if in.asked == nil {
		in.asked = in.r.URL.Query()
	}
	return in.asked
}

// encoding is what a body is.
type encoding string

const (
	jsonBody      encoding = "json"
	formBody      encoding = "form"
	multipartBody encoding = "multipart"
	emptyBody     encoding = "empty"
)

// readBody reads the body into the input, as one of the encodings that the
// route accepts.
func (r *route) readBody(w http.ResponseWriter, in *input) *Refusal {
	body, err := io.ReadAll(http.MaxBytesReader(w, in.r.Body, maxBody))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return &Refusal{Outcome: TooLarge}
	}
	if err != nil {
		return malformed("The body ended early")
	}
	if len(bytes.TrimSpace(body)) == 0 {
		if !slices.Contains(r.accepts, emptyBody) {
			return malformed("The body is empty")
		}
		return nil
	}
	kind, boundary := r.encodingOf(in.r.Header.Get("Content-Type"))
	switch kind {
	case jsonBody:
		in.members, err = parseMembers(body)
	case formBody:
		in.form, err = parseForm(body)
	case multipartBody:
		in.form, err = parseMultipart(body, boundary)
	default:
		return malformed("The content type is not one that this path takes")
	}
	if err != nil {
		return malformed(err.Error())
	}
	return nil
}

func malformed(message string) *Refusal { return &Refusal{Outcome: Malformed, Message: message} }

// encodingOf returns what a content type stands for on this route, "" for
// nothing that it accepts.
func (r *route) encodingOf(contentType string) (kind encoding, boundary string) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";") // with parameters that break the rules
	}
	switch {
	case media == "application/x-www-form-urlencoded" && slices.Contains(r.accepts, formBody):
		return formBody, ""
	case media == "multipart/form-data" && slices.Contains(r.accepts, multipartBody):
		return multipartBody, parameters["boundary"]
	case !slices.Contains(r.accepts, jsonBody):
		return "", ""
	case slices.Contains(r.contentTypes, media), slices.Contains(r.contentTypes, "*"):
		return jsonBody, ""
	}
	return "", ""
}

// members are those of a JSON object.
type members map[string]json.RawMessage

// complaint is a sentence for the caller whose request cannot be read.
type complaint string

func (c complaint) Error() string { return string(c) }

var (
	errJSON      = complaint("The body is not a JSON object")
	errTooMany   = complaint("The body has too many members")
	errForm      = complaint("The body is not a well-formed form")
	errNotString = errors.New("is not a string")
)

// parseMembers reads a JSON object strictly: UTF-8, nothing after it, no member
// twice, since readers do not agree on which one counts.
func parseMembers(body []byte) (members, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, errJSON
	}
	m := members{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errJSON
		}
		name := key.(string) // within an object that is valid
		if _, twice := m[name]; twice {
			return nil, complaint(fmt.Sprintf("The body has a member twice: %.64q", name))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errJSON
		}
		if m[name] = value; len(m) > maxMembers {
			return nil, errTooMany
		}
	}
	return m, nil
}

// text returns a member that is a string, and "" for one that is null or not
// there.
func (m members) text(name string) (string, error) {
	raw, ok := m[name]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	if raw[0] != '"' {
		return "", errNotString
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errNotString
	}
	return s, nil
}

func parseForm(body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(bytes.TrimSpace(body)))
	if err != nil {
		return nil, errForm
	}
	return form, once(form)
}

func parseMultipart(body []byte, boundary string) (url.Values, error) {
	if boundary == "" {
		return nil, errForm
	}
	form, err := multipart.NewReader(bytes.NewReader(body), boundary).ReadForm(maxBody)
	if err != nil {
		return nil, errForm
	}
	defer form.RemoveAll()
	return form.Value, once(form.Value)
}

// once refuses a field that is there twice with different values.
func once(form url.Values) error {
	if len(form) > maxMembers {
		return errTooMany
	}
	for name, values := range form {
		if slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
			return complaint(fmt.Sprintf("The body has a field twice: %.64q", name))
		}
	}
	return nil
}
