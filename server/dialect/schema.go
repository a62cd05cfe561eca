package dialect

import (
	_ "embed" // the source of the schema's descriptions

	"github.com/claimsmith/claimsmith/internal/strictyaml"
)

//go:embed file.go
var fileSource []byte

// Schema returns the JSON Schema of a dialect's file.
func Schema() ([]byte, error) {
	return strictyaml.Schema(new(file), "https://github.com/claimsmith/claimsmith/dialect.schema.json", fileSource)
}
