// Package jws takes a compact JWS (RFC 7515) apart, strictly: what it accepts
// has one spelling only, but for the freedom that a signature scheme leaves.
// It judges no signature.
package jws

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// MaxSize is the length of the longest token that is looked at, in bytes.
const MaxSize = 16 << 10

// A Token is a JWS whose signature nobody has verified yet.
type Token struct {
	Algorithm string          // alg; never "" or "none"
	KID       string          // kid; "" if the header has none
	Typ       string          // typ; "" if the header has none
	Header    json.RawMessage // the whole header
	Payload   []byte
	Input     string // what the signature is over
	Signature []byte
}

var strict = base64.RawURLEncoding.Strict()

// Parse takes token apart. It refuses what is longer than [MaxSize], has not
// exactly three parts, is not base64url in its one canonical form, or has a
// header with crit (RFC 7515, section 4.1.11: an extension that must be
// understood; none is), without alg, or with "none".
func Parse(token string) (Token, error) {
	if len(token) > MaxSize {
		return Token{}, fmt.Errorf("it is longer than %d bytes", MaxSize)
	}
	if strings.Count(token, ".") != 2 {
		return Token{}, errors.New("it has not exactly three parts")
	}
	if strings.ContainsAny(token, "\r\n") { // package base64 skips them, even when strict
		return Token{}, errors.New("it contains a line break")
	}
	end := strings.LastIndexByte(token, '.')
	head, payload, _ := strings.Cut(token[:end], ".")
	header, errH := strict.DecodeString(head)
	body, errP := strict.DecodeString(payload)
	signature, errS := strict.DecodeString(token[end+1:])
	if errors.Join(errH, errP, errS) != nil {
		return Token{}, errors.New("a part is not base64url")
	}
	if len(body) == 0 || len(signature) == 0 {
		return Token{}, errors.New("a part is empty")
	}
	t := Token{Header: header, Payload: body, Input: token[:end], Signature: signature}
	if err := t.readHeader(); err != nil {
		return Token{}, err
	}
	return t, nil
}

// readHeader goes by a map, since structs match names in any case.
func (t *Token) readHeader() error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(t.Header, &members); err != nil {
		return errors.New("its header is not a JSON object")
	}
	if _, ok := members["crit"]; ok {
		return errors.New("its header has crit")
	}
	for name, value := range map[string]*string{"alg": &t.Algorithm, "kid": &t.KID, "typ": &t.Typ} {
		raw, ok := members[name]
		if !ok {
			continue
		}
		if raw[0] != '"' || json.Unmarshal(raw, value) != nil {
			return fmt.Errorf("its %s is not a string", name)
		}
	}
	if t.Algorithm == "" || strings.EqualFold(t.Algorithm, "none") {
		return errors.New("it is not signed")
	}
	return nil
}
