package ldap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseConfig reads a configuration strictly. Its errors quote no values, since
// a value in the wrong place may be a password.
func parseConfig(text json.RawMessage) (Config, error) {
	var c Config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&c)
	if err == nil {
		_, err = decoder.Token()
		if err == nil {
			return c, errors.New("something follows the JSON object")
		}
		return c, nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return c, fmt.Errorf("%s: must be %s", wrong.Field, jsonName(wrong.Type.Kind().String()))
	}
	if key, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return c, fmt.Errorf("unknown key %s", key)
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok || len(text) == 0 {
		return c, errors.New("is no JSON object")
	}
	return c, err
}

// jsonName is what JSON calls a kind of Go value.
func jsonName(kind string) string {
	switch kind {
	case "bool":
		return "true or false"
	case "int":
		return "an integer"
	case "slice":
		return "a list"
	case "struct", "map":
		return "an object"
	}
	return "a string"
}
