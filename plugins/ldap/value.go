package ldap

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// encodings make text of values, by the name that the configuration calls them by.
var encodings = map[string]func(string) string{
	"":       plain,
	"base64": func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"hex":    func(s string) string { return hex.EncodeToString([]byte(s)) },
	"guid":   guid,
	"sid":    sid,
}

// binaryAttributes have values that are known to be no text.
var binaryAttributes = map[string]string{"objectguid": "guid", "ms-ds-consistencyguid": "guid", "objectsid": "sid"}

// texts returns an attribute's values as text; none for no attribute.
func texts(e *entry, attribute string) []string {
	if attribute == "" {
		return nil
	}
	return encoded(e, attribute, "")
}

// encoded returns an attribute's values in an encoding.
func encoded(e *entry, attribute, encoding string) []string {
	if encoding == "" {
		encoding = binaryAttributes[strings.ToLower(attribute)]
	}
	var values []string
	for _, v := range e.raw(attribute) {
		values = append(values, encodings[encoding](v))
	}
	return values
}

// text returns an attribute's first value, or "".
func text(e *entry, attribute string) string {
	if values := texts(e, attribute); len(values) > 0 {
		return values[0]
	}
	return ""
}

func plain(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// guid writes a GUID as Windows does. Its first three fields are little-endian.
func guid(s string) string {
	if len(s) != 16 {
		return plain(s)
	}
	return uuid.UUID(swapGUID([16]byte([]byte(s)))).String()
}

func swapGUID(b [16]byte) [16]byte {
	b[0], b[1], b[2], b[3] = b[3], b[2], b[1], b[0]
	b[4], b[5] = b[5], b[4]
	b[6], b[7] = b[7], b[6]
	return b
}

// sid writes a Windows security identifier: S-1-5-21-…-1104.
func sid(raw string) string {
	b := []byte(raw)
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return plain(raw)
	}
	authority := uint64(binary.BigEndian.Uint16(b[2:4]))<<32 | uint64(binary.BigEndian.Uint32(b[4:8]))
	s := "S-" + strconv.Itoa(int(b[0])) + "-" + strconv.FormatUint(authority, 10)
	for rest := b[8:]; len(rest) > 0; rest = rest[4:] {
		s += "-" + strconv.FormatUint(uint64(binary.LittleEndian.Uint32(rest)), 10)
	}
	return s
}

// subjectValue is a subject as the directory has it; false if the attribute
// cannot have such a value.
func subjectValue(attribute, subject string) (string, bool) {
	if binaryAttributes[strings.ToLower(attribute)] != "guid" {
		return subject, isName(subject) // directories take a SID as text too
	}
	id, err := uuid.Parse(subject)
	if err != nil {
		return "", false
	}
	id = swapGUID(id)
	return string(id[:]), true
}
