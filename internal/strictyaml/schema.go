package strictyaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"
)

// Schema returns the JSON Schema of what Decode reads into a struct of the
// type of v. A type that is a [Decoder] has a method JSONSchema that returns its
// own. Descriptions are the comments of types and fields in the Go source
// files given, which a program can embed, or their jsonschema_description tags.
func Schema(v any, id string, sources ...[]byte) ([]byte, error) {
	comments, err := commentsOf(sources)
	if err != nil {
		return nil, fmt.Errorf("make schema: %w", err)
	}
	reflector := &jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true,
		Mapper: mapType,
		LookupComment: func(t reflect.Type, field string) string {
			return comments[strings.TrimSuffix(t.Name()+"."+field, ".")]
		},
	}
	schema := reflector.Reflect(v)
	schema.ID = jsonschema.ID(id)
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("make schema: %w", err)
	}
	return append(text, '\n'), nil
}

// mapType gives the schemas of types that are not what their kind is.
func mapType(t reflect.Type) *jsonschema.Schema {
	switch {
	case isDuration(t):
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern, Examples: []any{"90s", "1h30m", "30d"}}
	case t == nodeType:
		return &jsonschema.Schema{}
	case t.Kind() != reflect.Interface && !hasSchema(t) && reflect.PointerTo(t).Implements(textType):
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

func hasSchema(t reflect.Type) bool {
	_, ok := reflect.PointerTo(t).MethodByName("JSONSchema")
	return ok
}

// commentsOf returns the comments of Type and of Type.Field in Go sources.
func commentsOf(sources [][]byte) (map[string]string, error) {
	comments := map[string]string{}
	for i, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), fmt.Sprintf("source %d", i+1), source, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok {
					addComments(comments, t, gen.Doc)
				}
			}
		}
	}
	return comments, nil
}

func addComments(comments map[string]string, t *ast.TypeSpec, doc *ast.CommentGroup) {
	comments[t.Name.Name] = oneLine(t.Doc, doc)
	structure, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range structure.Fields.List {
		for _, name := range f.Names {
			comments[t.Name.Name+"."+name.Name] = oneLine(f.Doc, f.Comment)
		}
	}
}

// oneLine joins comments to one line of text.
func oneLine(groups ...*ast.CommentGroup) string {
	var b bytes.Buffer
	for _, g := range groups {
		if g != nil {
			b.WriteString(g.Text() + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
