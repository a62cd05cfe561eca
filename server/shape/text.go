package shape

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/claimsmith/claimsmith/internal/yamltree"
)

// CompileText compiles a YAML document.
func CompileText[V any](text []byte, env *Env[V], options ...Option) (*Shape[V], error) {
	if len(text) > MaxText {
		return nil, Faults{{Line: 1, Column: 1, Message: fmt.Sprintf("the text is longer than %d bytes", MaxText)}}
	}
	file, err := yamltree.Parse(string(text), limits)
	if err != nil {
		return nil, Faults{syntaxFault(err, text)}
	}
	var documents []ast.Node
	for _, d := range file.Docs {
		if d.Body == nil {
			continue
		}
		if documents = append(documents, d.Body); len(documents) > 1 {
			line, column := yamltree.Position(d.Body)
			return nil, Faults{{Line: line, Column: column, Message: "more than one document"}}
		}
	}
	if len(documents) == 0 {
		return Compile(nil, env, options...)
	}
	return Compile(documents[0], env, options...)
}

// maxTokens leaves each value its name, punctuation and comments.
const maxTokens = 10 * MaxNodes

var limits = yamltree.Limits{Tokens: maxTokens, TooMany: fmt.Sprintf("more than %d values", MaxNodes), Depth: MaxDepth}

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
