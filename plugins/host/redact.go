package host

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// redactor takes the secrets of a configuration out of text.
type redactor struct {
	*strings.Replacer
	longest int // bytes of the longest that it looks for
}

// newRedactor replaces the secrets of a configuration in text, also where
// they are quoted, or escaped for JSON or a URL, and each line of those that
// have several.
func newRedactor(c *Config) redactor {
	secrets := c.Secrets
	if secrets == nil {
		d := json.NewDecoder(bytes.NewReader(c.Settings))
		d.UseNumber()
		var v any
		_ = d.Decode(&v) // checked by Config.check
		secrets = stringsIn(nil, v)
	}
	var forms []string
	for _, s := range slices.Concat(secrets, linesOf(secrets)) {
		if len(s) <= 3 {
			continue
		}
		quoted, escaped := strconv.Quote(s), &strings.Builder{}
		_ = json.NewEncoder(escaped).Encode(s) // a string can be encoded
		inJSON := strings.TrimSuffix(escaped.String(), "\n")
		forms = append(forms, s, quoted[1:len(quoted)-1], inJSON[1:len(inJSON)-1], url.QueryEscape(s), url.PathEscape(s))
	}
	slices.SortFunc(forms, func(a, b string) int { // the longest match first
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	var pairs []string
	for _, form := range slices.Compact(forms) {
		pairs = append(pairs, form, "[redacted]")
	}
	return redactor{strings.NewReplacer(pairs...), len(first(forms))}
}

// linesOf returns the lines of secrets that have several, such as a PEM key: a
// plugin that prints one prints it line by line.
func linesOf(secrets []string) (list []string) {
	for _, s := range secrets {
		if strings.Contains(s, "\n") {
			list = append(list, strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })...)
		}
	}
	return list
}

// stringsIn appends the strings of a decoded JSON value, names of members excepted.
func stringsIn(list []string, v any) []string {
	switch v := v.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, e := range v {
			list = stringsIn(list, e)
		}
	case map[string]any:
		for _, e := range v {
			list = stringsIn(list, e)
		}
	}
	return list
}
