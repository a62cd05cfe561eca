package sqldb

import (
	"strings"
	"testing"
)

func TestNumberPlaceholders(t *testing.T) {
	for query, want := range map[string]string{
		"":                                    "",
		"select 1":                            "select 1",
		"a = ? and b = ?":                     "a = $1 and b = $2",
		"a = '?' and b = ?":                   "a = '?' and b = $1",
		"a = 'it''s ?' and b = ?":             "a = 'it''s ?' and b = $1",
		`"what?" = ?`:                         `"what?" = $1`,
		"a = ? -- why?\nand b = ?":            "a = $1 -- why?\nand b = $2",
		"a = /* ? */ ?":                       "a = /* ? */ $1",
		"a = $$?$$ and b = $q1$ ? $$ $q1$, ?": "a = $$?$$ and b = $q1$ ? $$ $q1$, $1",
		"a = 'open ?":                         "a = 'open ?",
		"a - ? / ?":                           "a - $1 / $2",
	} {
		if got := numberPlaceholders(query); got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	}
}

// Batches of every length leave little behind.
func TestReboundStatementsAreBounded(t *testing.T) {
	d := &DB{driver: PostgreSQL}
	for n := range 500 {
		query := "insert into events values (?)" + strings.Repeat(", (?, ?, ?, ?, ?, ?, ?, ?)", n)
		for range 2 {
			if got := d.rebind(query); got != numberPlaceholders(query) {
				t.Fatal(got)
			}
		}
	}
	held := 0
	for query, text := range d.rebound.Range {
		held += len(query.(string)) + len(text.(string))
	}
	if held == 0 || held > 1<<20 {
		t.Errorf("%d bytes of statements are kept", held)
	}
}

func FuzzNumberPlaceholders(f *testing.F) {
	f.Add("a = '?' and b = ? -- ?\n $x$ ? $x$")
	f.Fuzz(func(t *testing.T, query string) {
		got := numberPlaceholders(query)
		if !strings.Contains(query, "?") && got != query {
			t.Errorf("%q became %q", query, got)
		}
		if strings.Count(got, "?") > strings.Count(query, "?") {
			t.Errorf("%q gained a placeholder: %q", query, got)
		}
	})
}
