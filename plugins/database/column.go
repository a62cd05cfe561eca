package database

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// text returns a column's value as text; null is empty, bytes are base64.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// truth reads a boolean, a number, or a word for one; null is false.
func truth(v any) (bool, error) {
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	case int64:
		return v != 0, nil
	case float64:
		return v != 0, nil
	case []byte: // MySQL's bit(1)
		return strings.Trim(string(v), "\x00") != "", nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "1", "t", "true", "y", "yes", "on", "\x01":
			return true, nil
		case "0", "f", "false", "n", "no", "off", "", "\x00":
			return false, nil
		}
	}
	return false, errors.New("is neither true nor false")
}

// layouts of times as text, tried in order. Without a zone they are UTC.
var layouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999 -0700 MST", time.DateOnly}

// moment reads a time, or a number of seconds or milliseconds since 1970; null,
// zero and empty are no time.
func moment(v any) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return time.Time{}, nil
	case time.Time:
		return v.UTC(), nil
	case int64:
		return sinceEpoch(v), nil
	case float64:
		return sinceEpoch(int64(v)), nil
	case string:
		v = strings.TrimSpace(v)
		if v == "" {
			return time.Time{}, nil
		}
		if n, err := strconv.ParseInt(v, 10, 64); err == nil {
			return sinceEpoch(n), nil
		}
		for _, layout := range layouts {
			if t, err := time.Parse(layout, v); err == nil {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, errors.New("is not a time")
}

// sinceEpoch takes numbers past the year 5138 in seconds for milliseconds.
func sinceEpoch(n int64) time.Time {
	switch {
	case n == 0:
		return time.Time{}
	case n > 1e11:
		return time.UnixMilli(n).UTC()
	}
	return time.Unix(n, 0).UTC()
}

// values reads a list: a JSON list, PostgreSQL's {a,b}, or words parted by
// commas.
func values(v any) []string {
	s := strings.TrimSpace(text(v))
	if strings.HasPrefix(s, "[") {
		var list []any
		if json.Unmarshal([]byte(s), &list) == nil {
			words := make([]string, len(list))
			for i, e := range list {
				words[i] = text(e)
			}
			return words
		}
	}
	if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
		return arrayElements(s[1 : len(s)-1])
	}
	words := []string{}
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}

// arrayElements reads the inside of a PostgreSQL array of one dimension; nulls
// are left out.
func arrayElements(s string) []string {
	words := []string{}
	for s != "" {
		var b strings.Builder
		isQuoted := s[0] == '"'
		if isQuoted {
			s = s[1:]
		}
		for s != "" && !(isQuoted && s[0] == '"') && (isQuoted || s[0] != ',') {
			if s[0] == '\\' && len(s) > 1 {
				s = s[1:]
			}
			b.WriteByte(s[0])
			s = s[1:]
		}
		if isQuoted {
			s = strings.TrimPrefix(s, `"`)
		}
		s = strings.TrimPrefix(s, ",")
		if isQuoted || b.String() != "NULL" {
			words = append(words, b.String())
		}
	}
	return words
}
