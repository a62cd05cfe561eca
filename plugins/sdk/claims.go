package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// UnmarshalJSON decodes an identity so that the numbers in Claims come out as
// they do from a plugin: integers as int64, others as float64.
func (id *Identity) UnmarshalJSON(b []byte) error {
	type plain Identity // without this method
	wire := struct {
		*plain
		Claims json.RawMessage `json:"claims"`
	}{plain: (*plain)(id)}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	claims, err := decodeClaims(wire.Claims)
	if err != nil {
		return err
	}
	id.Claims = claims
	return nil
}

func encodeClaims(claims map[string]any) ([]byte, error) {
	if len(claims) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(claims)
	if err != nil {
		return nil, fmt.Errorf("encode claims: %w", err)
	}
	if len(b) > MaxClaims {
		return nil, fmt.Errorf("claims are %d bytes of JSON, more than %d", len(b), MaxClaims)
	}
	return b, nil
}

// decodeClaims returns nil for no claims, an empty object and null.
func decodeClaims(b []byte) (map[string]any, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) > MaxClaims {
		return nil, fmt.Errorf("claims are %d bytes of JSON, more than %d", len(b), MaxClaims)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var claims map[string]any
	if err := d.Decode(&claims); err != nil {
		return nil, fmt.Errorf("decode claims: a JSON object is wanted: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("decode claims: more than one JSON value")
	}
	if len(claims) == 0 {
		return nil, nil
	}
	if err := settle(claims, 0); err != nil {
		return nil, fmt.Errorf("decode claims: %w", err)
	}
	return claims, nil
}

// settle replaces, in place, each json.Number below v.
func settle(v any, depth int) (err error) {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if n, ok := e.(json.Number); ok {
				v[k], err = number(n)
			} else {
				err = settle(e, depth+1)
			}
			if err != nil {
				return err
			}
		}
	case []any:
		for i, e := range v {
			if n, ok := e.(json.Number); ok {
				v[i], err = number(n)
			} else {
				err = settle(e, depth+1)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func number(n json.Number) (any, error) {
	if !strings.ContainsAny(string(n), ".eE") {
		if i, err := n.Int64(); err == nil {
			return i, nil
		}
	}
	return n.Float64()
}
