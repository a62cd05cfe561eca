package shape

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the text of a shape.
type Fault struct {
	Line, Column int    // where, in the YAML text; both count from 1
	Message      string // what is wrong
	Hint         string // what to do instead; may be empty
}

func (f Fault) Error() string {
	s := fmt.Sprintf("%d:%d: %s", f.Line, f.Column, f.Message)
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Faults is everything that is wrong with a shape, in the order of the text.
// It is the error of Compile and CompileText.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].Error()
	}
	return strings.Join(lines, "\n")
}

// RenderError says which leaf has no value for the variables that it was
// given, and why. It quotes the shape; where CEL's own message does, it quotes
// a value of the variables too, so it is for the log and not for a caller.
type RenderError struct {
	Line, Column int    // where the leaf stands in the YAML text
	Source       string // the expression
	Err          error
}

func (e *RenderError) Error() string {
	s := fmt.Sprintf("render ${%s} of line %d: %v", e.Source, e.Line, e.Err)
	if errors.Is(e.Err, errMissing) {
		s += `; a "?" after the member's name leaves it out in this case`
	}
	return s
}

func (e *RenderError) Unwrap() error { return e.Err }

// An absent value is nobody's fault: its member is left out. A missing value
// is one that an expression wanted to compute with: an error, unless the
// member's name ends in "?".
var (
	errAbsent  = errors.New("absent")
	errMissing = errors.New("missing value")
)
