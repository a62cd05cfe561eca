package shape_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/claimsmith/claimsmith/server/shape"
)

// What compiles renders to JSON or to an error that says where; what does not
// has faults within the text.
func FuzzCompileText(f *testing.F) {
	for _, s := range []string{
		typical, "a: &x 1\nb: *x", "? [a]\n: b", "a: |\n  ${identity.units\n  .map(u, u)}", "- ${identity.claims.x}\n- 'it''s ${any}'",
		"\"...\": ${identity.claims}\na?: \"\\u0024{1}\"", "a: ${[1,2].map(x, 'x' + string(x))}", "a: ${'%d'.format([1])}", "%YAML 1.2\n---\na: 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := shape.CompileText([]byte(text), env)
		if err != nil {
			var faults shape.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("not Faults: %v", err)
			}
			for _, fault := range faults {
				if fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
					t.Errorf("fault %+v", fault)
				}
			}
			return
		}
		for _, v := range []*variables{alice(), {}} {
			out, err := s.AppendJSON(nil, v)
			if err != nil {
				var where *shape.RenderError
				if !errors.As(err, &where) || where.Line < 1 {
					t.Errorf("not a RenderError: %v", err)
				}
				continue
			}
			if !json.Valid(out) {
				t.Errorf("no JSON: %s", out)
			}
			s.Explain(v)
		}
	})
}
