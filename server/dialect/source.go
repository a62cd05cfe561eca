package dialect

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"
)

// place is where in a request a value can stand.
type place string

const (
	inJSON   place = "json"
	inForm   place = "form" // urlencoded or multipart
	inQuery  place = "query"
	inHeader place = "header"
	inCookie place = "cookie"
	inPath   place = "path"
	inBearer place = "bearer"
	inBasic  place = "basic"
)

// part is a half of "username:password" in base64.
type part string

const (
	whole        part = ""
	usernamePart part = "username"
	passwordPart part = "password"
)

// source is one place where a value may be found.
type source struct {
	place place
	name  string
	part  part
}

var (
	sourceForm   = regexp.MustCompile(`^(json|form|query|header|cookie|path) ([^#\s]+)(#(username|password))?$|^(bearer)$|^(basic)#(username|password)$`)
	errBadSource = errors.New("not a place of a request")
)

const sourceHint = "write json NAME, form NAME, query NAME, header NAME, cookie NAME, path NAME, bearer, basic#username or basic#password"

func parseSource(text string) (source, error) {
	m := sourceForm.FindStringSubmatch(text)
	switch {
	case m == nil:
		return source{}, errBadSource
	case m[5] != "":
		return source{place: inBearer}, nil
	case m[6] != "":
		return source{place: inBasic, part: part(m[7])}, nil
	}
	return source{place(m[1]), m[2], part(m[4])}, nil
}

// String names the source as callers know it: by the name alone.
func (s source) String() string {
	if s.name != "" {
		return s.name
	}
	return "Authorization"
}

// value returns what the request has at the source; "" is nothing. The error is
// for the caller.
func (s source) value(in *input) (string, error) {
	var v string
	var err error
	switch s.place {
	case inJSON:
		v, err = in.members.text(s.name)
	case inForm:
		v, err = only(in.form, s.name)
	case inQuery:
		v, err = only(in.query, s.name)
	case inHeader:
		v = in.r.Header.Get(s.name)
	case inCookie:
		if c, _ := in.r.Cookie(s.name); c != nil {
			v = c.Value
		}
	case inPath:
		v = in.path[s.name]
	case inBearer:
		v = credentialsOf(in.r.Header.Get("Authorization"), "bearer")
	case inBasic:
		v = credentialsOf(in.r.Header.Get("Authorization"), "basic")
	}
	if err != nil {
		return "", err
	}
	if s.part != whole {
		v = partOf(v, s.part)
	}
	if !utf8.ValidString(v) || strings.IndexByte(v, 0) >= 0 {
		return "", errNotText
	}
	return v, nil
}

var errNotText = errors.New("is not UTF-8 text")

// credentialsOf returns what follows a scheme of any letter case, with or
// without a space between: deployed clients leave it out.
func credentialsOf(authorization, scheme string) string {
	if len(authorization) < len(scheme) || !strings.EqualFold(authorization[:len(scheme)], scheme) {
		return ""
	}
	return strings.TrimSpace(authorization[len(scheme):])
}

// partOf takes base64("username:password") apart. Padding may be missing, and
// so may the colon: then all of it is the user name.
func partOf(encoded string, p part) string {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return ""
	}
	username, password, _ := strings.Cut(string(raw), ":")
	if p == passwordPart {
		return password
	}
	return username
}
