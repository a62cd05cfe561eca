package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	if raw[0] != '"' {
		return "", errNotString
	}
	return unquote(raw)
}
