package dialect_test

import (
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/dialect"
)

// TestEveryDialectLoads holds the files that come with the program to the
// language.
func TestEveryDialectLoads(t *testing.T) {
	for _, name := range dialect.Names() {
		d := load(t, name)
		if d.Name != name || d.Title == "" || len(d.Routes()) == 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// load returns a dialect that comes with the program.
func load(t testing.TB, name string) *dialect.Dialect {
	t.Helper()
	text, err := dialect.Text(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Load(name+".yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// changed returns a dialect that comes with the program, with another text in
// one place.
func changed(t testing.TB, name, old, replacement string) *dialect.Dialect {
	t.Helper()
	text, err := dialect.Text(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	d, err := dialect.Load(name+".yaml", []byte(strings.Replace(string(text), old, replacement, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
