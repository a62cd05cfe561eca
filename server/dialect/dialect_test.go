package dialect_test

import (
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
