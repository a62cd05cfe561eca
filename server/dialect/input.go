package dialect

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	query   url.Values
}

// readQuery reads the query into the input.
func (in *input) readQuery() (refusal *Refusal) {
	var err error
	if in.query, err = url.ParseQuery(in.r.URL.RawQuery); err != nil {
		return malformed(errQuery.Error())
	}
	return nil
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
	case slices.ContainsFunc(r.contentTypes, func(t string) bool { return t == media || matches(t, contentType) }):
		return jsonBody, ""
	}
	return "", ""
}

// matches reports whether a content type holds the text of *text*; * is within
// any.
func matches(pattern, contentType string) bool {
	text, ok := strings.CutPrefix(pattern, "*")
	return ok && strings.Contains(strings.ToLower(contentType), strings.TrimSuffix(text, "*"))
}

// complaint is a sentence for the caller whose request cannot be read.
type complaint string

func (c complaint) Error() string { return string(c) }

var (
	errJSON      = complaint("The body is not a JSON object")
	errTooMany   = complaint("The body has too many members")
	errForm      = complaint("The body is not a well-formed form")
	errQuery     = complaint("The query is not a well-formed form")
	errNotString = errors.New("is not a string")
	errTwice     = errors.New("is there twice")
)

func parseForm(body []byte) (url.Values, error) {
	form, err := url.ParseQuery(string(bytes.TrimSpace(body)))
	if err != nil {
		return nil, errForm
	}
	return form, checkMembers(form)
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
	return form.Value, checkMembers(form.Value)
}

func checkMembers(form url.Values) error {
	if len(form) > maxMembers {
		return errTooMany
	}
	return nil
}

// only returns the value that a form or query has by a name. Of several that
// differ readers do not agree on which one counts.
func only(form url.Values, name string) (string, error) {
	values := form[name]
	if len(values) == 0 {
		return "", nil
	}
	if slices.ContainsFunc(values, func(v string) bool { return v != values[0] }) {
		return "", errTwice
	}
	return values[0], nil
}
