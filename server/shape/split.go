package shape

import (
	"strings"
	"unicode/utf8"
)

// piece is a part of a scalar: literal text, or an expression without its
// ${ and }.
type piece struct {
	text       string
	expression bool
	offset     int // of text within the scalar, in bytes
}

// splitError says where in a scalar the splitting stopped.
type splitError struct {
	offset  int
	message string
}

// split parts a scalar into text and ${expressions}. "$${" stands for a
// literal "${". Braces, quotes and comments inside an expression are read as
// CEL reads them.
func split(s string) ([]piece, *splitError) {
	var pieces []piece
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			pieces = append(pieces, piece{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "$${"):
			text.WriteString("${")
			i += 3
		case strings.HasPrefix(rest, "${"):
			flush()
			n, err := expressionEnd(rest[2:])
			if err != "" {
				return nil, &splitError{offset: i, message: err}
			}
			pieces = append(pieces, piece{text: rest[2 : 2+n], expression: true, offset: i + 2})
			i += 2 + n + 1
		default:
			text.WriteByte(s[i])
			i++
		}
	}
	flush()
	return pieces, nil
}

// expressionEnd returns where the brace stands that closes an expression, or
// why there is none.
func expressionEnd(s string) (end int, fault string) {
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '}' && depth == 0:
			return i, ""
		case c == '}':
			depth--
			i++
		case c == '{':
			depth++
			i++
		case c == '"' || c == '\'':
			n := quotedLength(s[i:], isRaw(s[:i]))
			if n < 0 {
				return 0, "a quote inside ${ is not closed"
			}
			i += n
		case strings.HasPrefix(s[i:], "//"):
			n := strings.IndexByte(s[i:], '\n')
			if n < 0 {
				return 0, "${ is not closed: a comment reaches to the end"
			}
			i += n
		default:
			i++
		}
	}
	return 0, "${ is not closed"
}

// quotedLength returns the length of the CEL string that s begins with, or -1.
func quotedLength(s string, raw bool) int {
	quote := s[:1]
	if strings.HasPrefix(s, strings.Repeat(quote, 3)) {
		quote = s[:3]
	}
	for i := len(quote); i < len(s); {
		switch {
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote)
		case s[i] == '\\' && !raw:
			i += 2
		case s[i] == '\n' && len(quote) == 1:
			return -1
		default:
			i++
		}
	}
	return -1
}

// isRaw says whether the text before a quote makes it a raw string: r, R, br
// and the like, not the end of a longer word.
func isRaw(before string) bool {
	word := strings.TrimRightFunc(before, func(r rune) bool { return strings.ContainsRune("rRbB", r) })
	prefix := before[len(word):]
	last, _ := utf8.DecodeLastRuneInString(word)
	return len(prefix) <= 2 && strings.ContainsAny(prefix, "rR") && !isWord(last)
}

func isWord(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}
