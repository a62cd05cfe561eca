package shape

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// CompileText compiles a YAML document.
func CompileText[V any](text []byte, env *Env[V], options ...Option) (*Shape[V], error) {
	if len(text) > MaxText {
		return nil, Faults{{Line: 1, Column: 1, Message: fmt.Sprintf("the text is longer than %d bytes", MaxText)}}
	}
	file, err := parse(text)
	if err != nil {
		return nil, Faults{syntaxFault(err, text)}
	}
	var documents []ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if documents = append(documents, d.Body); len(documents) > 1 {
			line, column := positionOf(d.Body)
			return nil, Faults{{Line: line, Column: column, Message: "more than one document"}}
		}
	}
	if len(documents) == 0 {
		return Compile(nil, env, options...)
	}
	return Compile(documents[0], env, options...)
}

// parse survives what the YAML parser does not: its time grows with the square
// of a mapping's length and of the depth of brackets, and there may be text
// that makes it panic.
func parse(text []byte) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("not readable as YAML: %v", r)
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if len(tokens) > maxTokens {
		return nil, &yaml.SyntaxError{Message: fmt.Sprintf("more than %d values", MaxNodes), Token: tokens[maxTokens]}
	}
	if deep := deepToken(tokens); deep != nil {
		return nil, &yaml.SyntaxError{Message: fmt.Sprintf("nested more than %d deep", MaxDepth), Token: deep}
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// maxTokens leaves each value its name, punctuation and comments.
const maxTokens = 10 * MaxNodes

// deepToken returns the token that nests too deep by brackets, or by dashes
// and question marks in one line. Nesting by indentation takes ever longer
// lines, so the limit on the text bounds it.
func deepToken(tokens token.Tokens) *token.Token {
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
		if brackets > MaxDepth || dashes > MaxDepth {
			return tk
		}
	}
	return nil
}

func syntaxFault(err error, text []byte) Fault {
	syntax, ok := errors.AsType[*yaml.SyntaxError](err)
	if !ok || syntax.Token == nil || syntax.Token.Position == nil {
		return Fault{Line: 1, Column: 1, Message: err.Error()}
	}
	at := syntax.Token.Position
	f := Fault{Line: at.Line, Column: at.Column, Message: syntax.Message}
	lines := strings.Split(string(text), "\n")
	if at.Line >= 1 && at.Line <= len(lines) && strings.Contains(lines[at.Line-1], "${") {
		f.Hint = `put the whole value in double quotes: "${…}"`
	}
	return f
}
