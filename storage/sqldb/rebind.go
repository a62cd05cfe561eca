package sqldb

import (
	"strconv"
	"strings"
)

// numberPlaceholders replaces each ? by $1, $2 and so on, as PostgreSQL wants it. A ?
// in a quoted text, a quoted name or a comment stays. PostgreSQL's operators that
// contain a ? cannot be written; its functions, such as jsonb_exists, can.
func numberPlaceholders(query string) string {
	var b strings.Builder
	n := 0
	for i := 0; i < len(query); {
		if end := opaque(query[i:]); end > 0 {
			b.WriteString(query[i : i+end])
			i += end
			continue
		}
		if query[i] == '?' {
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		} else {
			b.WriteByte(query[i])
		}
		i++
	}
	return b.String()
}

// opaque returns the length of the quoted text, quoted name or comment that s begins
// with, or 0. One that is not closed reaches to the end.
func opaque(s string) int {
	end := ""
	switch {
	case s[0] == '\'' || s[0] == '"':
		end = s[:1] // a doubled quote inside ends one text and begins the next, which is the same to us
	case strings.HasPrefix(s, "--"):
		end = "\n"
	case strings.HasPrefix(s, "/*"):
		end = "*/"
	case s[0] == '$':
		end = dollarQuote(s)
	}
	if end == "" {
		return 0
	}
	start := len(end)
	if end == "\n" || end == "*/" {
		start = 2
	}
	if at := strings.Index(s[start:], end); at >= 0 {
		return start + at + len(end)
	}
	return len(s)
}

// dollarQuote returns the $tag$ that s begins with, or "".
func dollarQuote(s string) string {
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '$':
			return s[:i+1]
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 1 && '0' <= c && c <= '9':
		default:
			return ""
		}
	}
	return ""
}
