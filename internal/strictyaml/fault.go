package strictyaml

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Fault is one thing that is wrong with a document.
type Fault struct {
	File         string
	Line, Column int // both count from 1
	Message      string
	Hint         string // what to do instead; may be empty
	Source       string // the line, without values that might be secret; may be empty
}

// Error returns FILE:LINE:COLUMN: message, the source line with a caret, and
// the hint.
func (f Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Source != "" {
		fmt.Fprintf(&b, "\n%5d | %s\n      | %s^", f.Line, f.Source, indent(f.Source, f.Column))
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "\nhint: %s", f.Hint)
	}
	return b.String()
}

// Faults is everything that is wrong with a document, in the order of the text.
type Faults []Fault

func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i := range f {
		texts[i] = f[i].Error()
	}
	return strings.Join(texts, "\n")
}

// indent returns white space as wide as a line's text before a column.
func indent(line string, column int) string {
	var b strings.Builder
	for _, r := range line {
		if column--; column < 1 {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

const maxSource = 120 // characters of a line that are quoted

var keyPart = regexp.MustCompile(`^\s*(- +)*[^\s:#'"{}\[\]-][^:#'"{}\[\]]*:( |$)`)

// quote returns a line for showing. Unless it is known to hold no secret, only
// the keys that it begins with are shown.
func quote(line string, column int, harmless bool) string {
	line = strings.TrimRight(line, " \t\r")
	if !utf8.ValidString(line) {
		return ""
	}
	if harmless {
		if utf8.RuneCountInString(line) > maxSource {
			if column > maxSource-10 {
				return ""
			}
			line = string([]rune(line)[:maxSource]) + "…"
		}
		return line
	}
	key := keyPart.FindString(line)
	if key == "" || column > utf8.RuneCountInString(key)+1 || len(key) > maxSource {
		return ""
	}
	if key == line {
		return line
	}
	return strings.TrimRight(key, " ") + " …"
}
