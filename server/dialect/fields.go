package dialect

import (
	"maps"
	"slices"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// The fields that the engine knows. Others are a dialect's own.
const (
	usernameField     = "username"
	passwordField     = "password"
	apiKeyField       = "api_key"
	organisationField = "organisation"
	unitField         = "unit"
	deviceField       = "device"
	tokenField        = "token"
	refreshField      = "refresh_token"
	subjectField      = "subject"
	csrfField         = "csrf"
)

// secretFields never become variables.
var secretFields = []string{passwordField, apiKeyField, tokenField, refreshField, csrfField}

// field is a value that a request carries.
type field struct {
	name      string
	from      []source
	required  bool
	byDefault string
}

// found is a value and where it stood.
type found struct {
	value  string
	source source // the zero source for a default
}

// fields are the values of one request by the names of the dialect.
type fields map[string]found

func (f fields) value(name string) string { return f[name].value }

func (f fields) secret(name string) sdk.Secret { return sdk.Secret(f[name].value) }

// limitOf bounds a value, in bytes.
func limitOf(name string) int {
	if slices.Contains(secretFields, name) {
		return sdk.MaxSecret
	}
	return sdk.MaxString
}

// fieldsOf finds the route's fields in the input.
func (r *route) fieldsOf(in *input) (fields, *Refusal) {
	values := make(fields, len(r.fields))
	var wrong []FieldError
	for i := range r.fields {
		f := &r.fields[i]
		got, err := f.find(in)
		switch {
		case err != nil:
			wrong = append(wrong, FieldError{got.source.String(), err.Error()})
			continue
		case len(got.value) > limitOf(f.name):
			wrong = append(wrong, FieldError{got.source.String(), "is too long"})
		case got.value == "" && f.required:
			wrong = append(wrong, FieldError{f.from[0].String(), "is missing"})
		}
		values[f.name] = got
	}
	if r.closed {
		for _, name := range slices.Sorted(maps.Keys(in.members)) {
			if !r.names[name] {
				wrong = append(wrong, FieldError{name, "is not known"})
			}
		}
	}
	if len(wrong) > 0 {
		return values, &Refusal{Outcome: Invalid, Message: wrong[0].Field + " " + wrong[0].Message, Fields: wrong}
	}
	return values, nil
}

// find returns the first value that a source of the field has.
func (f *field) find(in *input) (found, error) {
	for _, s := range f.from {
		v, err := s.value(in)
		if err != nil {
			return found{source: s}, err
		}
		if v != "" {
			return found{v, s}, nil
		}
	}
	return found{value: f.byDefault}, nil
}

// attributes are what narrows who is meant, for the plugins.
func (f fields) attributes() map[string]string {
	var attributes map[string]string
	for name, got := range f {
		if got.value == "" || name == usernameField || slices.Contains(secretFields, name) {
			continue
		}
		if attributes == nil {
			attributes = map[string]string{}
		}
		attributes[name] = got.value
	}
	return attributes
}

// variables are what expressions may know of the request.
func (f fields) variables(route string) requestVariables {
	v := requestVariables{
		Route: route, Username: f.value(usernameField), Organisation: f.value(organisationField),
		Unit: f.value(unitField), Device: f.value(deviceField),
	}
	for name, got := range f {
		if got.value == "" || known[name] {
			continue
		}
		if v.Values == nil {
			v.Values = map[string]string{}
		}
		v.Values[name] = got.value
	}
	return v
}

// known are the names of fields that mean something to the engine.
var known = map[string]bool{
	usernameField: true, passwordField: true, apiKeyField: true, organisationField: true, unitField: true,
	deviceField: true, tokenField: true, refreshField: true, subjectField: true, csrfField: true,
}
