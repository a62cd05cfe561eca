package shape

import (
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar is a YAML string with what is needed to find a place of its value in
// the source again.
type scalar struct {
	value        string
	origin       string // as written, from line and column on
	line, column int
	quote        token.Type
	block        bool
	plain        bool
}

func newScalar(n *ast.StringNode) scalar {
	tk := n.Token
	return scalar{
		value: n.Value, origin: strings.TrimLeft(tk.Origin, " \t\r\n"),
		line: tk.Position.Line, column: tk.Position.Column, quote: tk.Type,
		plain: tk.Type != token.SingleQuoteType && tk.Type != token.DoubleQuoteType,
	}
}

// newBlock takes a block scalar: its text begins on the line after its "|" or ">".
func newBlock(n *ast.LiteralNode) scalar {
	return scalar{
		value: n.Value.Value, origin: n.Value.Token.Origin,
		line: n.Start.Position.Line + 1, column: 1, block: true,
	}
}

// locate returns where the byte of the value at offset stands in the source.
// Value and origin differ in white space, which YAML folds, and in escapes, so
// it counts the other characters.
func (s scalar) locate(offset int) (line, column int) {
	skip := 0
	for _, r := range s.value[:min(offset, len(s.value))] {
		if !unicode.IsSpace(r) {
			skip++
		}
	}
	line, column = s.line, s.column
	origin := []rune(s.origin)
	for i := 0; i < len(origin); {
		n, space := s.unit(origin[i:], i == 0)
		if !space && skip == 0 {
			break
		}
		if !space {
			skip--
		}
		for range n {
			if origin[i] == '\n' {
				line, column = line+1, 0
			}
			column++
			i++
		}
	}
	return line, column
}

// unit returns how many runes of the origin make one character of the value,
// and whether that is white space or the opening quote.
func (s scalar) unit(o []rune, first bool) (n int, space bool) {
	switch {
	case unicode.IsSpace(o[0]), first && s.isQuote(o[0]):
		return 1, true
	case s.quote == token.SingleQuoteType && o[0] == '\'' && len(o) > 1 && o[1] == '\'':
		return 2, false
	case s.quote == token.DoubleQuoteType && o[0] == '\\' && len(o) > 1:
		n = map[rune]int{'x': 4, 'u': 6, 'U': 10}[o[1]]
		return min(max(n, 2), len(o)), strings.ContainsRune("nrt \n", o[1])
	}
	return 1, false
}

func (s scalar) isQuote(r rune) bool {
	return s.quote == token.SingleQuoteType && r == '\'' || s.quote == token.DoubleQuoteType && r == '"'
}
