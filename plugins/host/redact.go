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

// newRedactor replaces the secrets of a configuration in text, also where
// they are quoted, or escaped for JSON or a URL.
func newRedactor(c *Config) *strings.Replacer {
	secrets := c.Secrets
	if secrets == nil {
		d := json.NewDecoder(bytes.NewReader(c.Settings))
		d.UseNumber()
		var v any
		_ = d.Decode(&v) // checked by Config.check
		secrets = stringsIn(nil, v)
	}
	var forms []string
	for _, s := range secrets {
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
	return strings.NewReplacer(pairs...)
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
