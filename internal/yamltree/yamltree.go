// Package yamltree owns what every reader of YAML here has in common: a text
// becomes a tree within limits, and a node has a place. What a tree means is
// the readers'.
package yamltree

import (
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits bound what the parser is given: its time grows with the square of a
// mapping's length and of the depth of brackets.
type Limits struct {
	Tokens  int    // words and signs
	TooMany string // what is said beyond
	Depth   int    // brackets, or dashes and question marks in one line, within each other
}

// Parse returns a text's tree, in which a key may be there twice. The error is
// a *yaml.SyntaxError with its token where the place is known. There may be
// text that makes the parser panic: that is an error too.
func Parse(text string, l Limits) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not readable as YAML: %v", r)
		}
	}()
	tokens := lexer.Tokenize(text)
	if len(tokens) > l.Tokens {
		return nil, &yaml.SyntaxError{Message: l.TooMany, Token: tokens[l.Tokens]}
	}
	if deep := deepToken(tokens, l.Depth); deep != nil {
		return nil, &yaml.SyntaxError{Message: fmt.Sprintf("nested more than %d deep", l.Depth), Token: deep}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// deepToken returns the token that nests deeper than most. Nesting by
// indentation takes ever longer lines, so a limit on the text bounds it.
func deepToken(tokens token.Tokens, most int) *token.Token {
	brackets, dashes, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			dashes, line = 0, tk.Position.Line
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if brackets > most || dashes > most {
			return tk
		}
	}
	return nil
}

// Position returns where a node begins, both from 1; of none 1, 1. A block
// mapping's own token is its first colon.
func Position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case nil:
		return 1, 1
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return Position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return Position(m.Key)
	}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		return max(tk.Position.Line, 1), max(tk.Position.Column, 1)
	}
	return 1, 1
}
