package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// members are those of a JSON object, as they stand in its text.
type members map[string]json.RawMessage

// parseMembers reads a JSON object strictly: UTF-8, nothing after it, no member
// twice, since readers do not agree on which one counts.
func parseMembers(body []byte) (members, error) {
	body = bytes.Trim(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' || !utf8.Valid(body) || !json.Valid(body) {
		return nil, errJSON
	}
	m := make(members, 4)
	for rest := body[1:]; ; {
		rest = bytes.TrimLeft(rest, ", \t\r\n")
		if rest[0] == '}' {
			return m, nil
		}
		end := valueEnd(rest)
		name, err := unquote(rest[:end])
		if err != nil {
			return nil, errJSON
		}
		if _, twice := m[name]; twice {
			return nil, complaint(fmt.Sprintf("The body has a member twice: %.64q", name))
		}
		rest = bytes.TrimLeft(rest[end:], ": \t\r\n")
		end = valueEnd(rest)
		m[name], rest = rest[:end], rest[end:]
		if len(m) > maxMembers {
			return nil, errTooMany
		}
	}
}

// valueEnd returns where the value ends that JSON, which is valid, begins with.
func valueEnd(text []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
			continue
		case c == '"':
			quoted = !quoted
		case quoted:
			continue
		case c == '{' || c == '[':
			depth++
			continue
		case c == '}' || c == ']':
			if depth == 0 {
				return i // of the object around a number or a word
			}
			depth--
		case depth == 0 && bytes.IndexByte(afterWord, c) >= 0:
			return i
		default:
			continue
		}
		if depth == 0 && !quoted {
			return i + 1
		}
	}
	return len(text)
}

// afterWord is what can follow a number, true, false or null in an object.
var afterWord = []byte(", \t\r\n")

// unquote returns the text of a JSON string.
func unquote(quoted []byte) (string, error) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	var s string
	err := json.Unmarshal(quoted, &s)
	return s, err
}

// text returns a member that is a string, and "" for one that is null or not
// there.
func (m members) text(name string) (string, error) {
	raw, ok := m[name]
	if !ok || string(raw) == "null" {
		return "", nil
	}
	switch {
	case raw[0] != '"':
		return "", errNotString
	case holdsHalf(raw):
		return "", errNotText
	}
	return unquote(raw)
}

// holdsHalf reports whether a JSON string has the escape of half a surrogate
// pair, which is no character (RFC 8259 section 8.2).
func holdsHalf(quoted []byte) bool {
	for {
		at := bytes.IndexByte(quoted, '\\')
		if at < 0 {
			return false
		}
		first, ok := unitOf(quoted[at:])
		switch {
		case !ok:
			quoted = quoted[at+2:]
		case !utf16.IsSurrogate(first):
			quoted = quoted[at+6:]
		default:
			second, _ := unitOf(quoted[at+6:])
			if utf16.DecodeRune(first, second) == utf8.RuneError {
				return true
			}
			quoted = quoted[at+12:]
		}
	}
}

// unitOf returns the UTF-16 unit of the escape that a text begins with.
func unitOf(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}
