package shape

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"", ""},
		{"plain", "plain"},
		{"${a}", "<a>"},
		{"x${a}y${b}", "x|<a>|y|<b>"},
		{"$${a}", "${a}"},
		{"$$${a}", "$${a}"},
		{"$", "$"},
		{"a$b{c}", "a$b{c}"},
		{"${}", "<>"},
		{"${{}}", "<{}>"},
		{"${'}'}", "<'}'>"},
		{"${'\\''}", "<'\\''>"},
		{"${r'\\'}", "<r'\\'>"},
		{"${bR'\\'}", "<bR'\\'>"},
		{"${'''a'b''c}'''}", "<'''a'b''c}'''>"},
		{"${xr'\\'}'}", "<xr'\\'}'>"},
		{"${1//}\n}", "<1//}\n>"},
		{"${'a'}}", "<'a'>|}"},
		{"${a", "at 0: ${ is not closed"},
		{"x ${'a", "at 2: a quote inside ${ is not closed"},
		{"${'a\n'}", "at 0: a quote inside ${ is not closed"},
		{"${'\\", "at 0: a quote inside ${ is not closed"},
		{"${ // }", "at 0: ${ is not closed: a comment reaches to the end"},
	} {
		if got := show(test.in); got != test.want {
			t.Errorf("%q: got %q, want %q", test.in, got, test.want)
		}
	}
}

func show(s string) string {
	pieces, err := split(s)
	if err != nil {
		return "at " + string(rune('0'+err.offset)) + ": " + err.message
	}
	var parts []string
	for _, p := range pieces {
		if p.expression {
			p.text = "<" + p.text + ">"
		}
		parts = append(parts, p.text)
	}
	return strings.Join(parts, "|")
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"${a}", "x $${y} ${'}'} z", "${r'''\\'''}", "${ // c\n}", "$${", "${{{'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pieces, err := split(s)
		if err != nil {
			if !strings.HasPrefix(s[err.offset:], "${") {
				t.Errorf("the fault is at %d of %q", err.offset, s)
			}
			return
		}
		var again strings.Builder
		for _, p := range pieces {
			if p.expression {
				if s[p.offset:p.offset+len(p.text)] != p.text {
					t.Errorf("%q is not at %d", p.text, p.offset)
				}
				again.WriteString("${" + p.text + "}")
			} else {
				again.WriteString(strings.ReplaceAll(p.text, "${", "$${"))
			}
		}
		if again.String() != s {
			t.Errorf("%q became %q", s, again.String())
		}
	})
}
