package dialect

import (
	"bytes"
	"errors"
	"fmt"
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

// complaint is a sentence for the caller whose request cannot be read.
type complaint string

func (c complaint) Error() string { return string(c) }

var (
	errJSON      = complaint("The body is not a JSON object")
	errTooMany   = complaint("The body has too many members")
	errForm      = complaint("The body is not a well-formed form")
	errNotString = errors.New("is not a string")
)

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
