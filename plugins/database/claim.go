package database

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Claim says which column holds a claim, and as what. In JSON it is the
// column's name alone, or an object.
type Claim struct {
	Column string `json:"column"`
	// As is text, integer, number, boolean, list or json. Default: what the
	// database says it is; a time becomes RFC 3339 text.
	As string `json:"as"`
}

var claimTypes = []string{"", "text", "integer", "number", "boolean", "list", "json"}

// UnmarshalJSON reads either form.
func (c *Claim) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &c.Column)
	}
	type plain Claim // without this method
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(c))
}

func (c Claim) check() error {
	if c.Column == "" {
		return errors.New("column is missing")
	}
	if !slices.Contains(claimTypes, c.As) {
		return fmt.Errorf("as: unknown type %q: want one of %s", c.As, strings.Join(claimTypes[1:], ", "))
	}
	return nil
}

// value returns what a column holds as the claim's value; nil is no claim.
func (c Claim) value(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.As {
	case "text":
		return text(v), nil
	case "integer":
		return strconv.ParseInt(strings.TrimSpace(text(v)), 10, 64)
	case "number":
		return strconv.ParseFloat(strings.TrimSpace(text(v)), 64)
	case "boolean":
		return truth(v)
	case "list":
		return anyList(values(v)), nil
	case "json":
		claims, err := parseClaims(`{"v":` + text(v) + `}`)
		return claims["v"], err
	}
	switch v := v.(type) {
	case bool, int64, float64:
		return v, nil
	}
	return text(v), nil
}
