package shape_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/claimsmith/claimsmith/server/shape"
)

func TestCostIsCountedWhileRunning(t *testing.T) {
	v := alice()
	for range 3000 {
		v.Identity.Groups = append(v.Identity.Groups, strings.Repeat("g", 100))
	}
	got := render(t, `a?: ${identity.groups.distinct()}`, v)
	if !strings.Contains(got, "cost limit exceeded") {
		t.Errorf("got %.200s", got)
	}
}

// TestWhatIsRenderedIsBounded repeats a list of somebody who has many groups.
func TestWhatIsRenderedIsBounded(t *testing.T) {
	v := alice()
	for range 4000 {
		v.Identity.Groups = append(v.Identity.Groups, strings.Repeat("g", 100))
	}
	for _, expression := range []string{"lists.range(4096).map(i, identity.groups)", "{'a': lists.range(4096).map(i, [identity.groups])}", "'%s%s%s'.format([identity.groups, identity.groups, identity.groups])"} {
		if got := render(t, `a?: "${`+expression+`}"`, v); !strings.Contains(got, "more than 1048576 bytes of JSON") {
			t.Errorf("%s: got %.200s", expression, got)
		}
	}
}

func TestConcurrentRendering(t *testing.T) {
	s, err := shape.CompileText([]byte(typical), env)
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.AppendJSON(nil, alice())
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			v := alice()
			for range 200 {
				if got, err := s.AppendJSON(nil, v); err != nil || string(got) != string(want) {
					t.Errorf("got %s, %v", got, err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func TestRenderErrorTellsWhere(t *testing.T) {
	s, err := shape.CompileText([]byte("a: 1\nb:\n  - x\n  - ${ 1 / (depth + 7) }\n"), env)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Render(alice())
	var where *shape.RenderError
	if !errors.As(err, &where) || where.Line != 4 || where.Column != 8 || where.Source != "1 / (depth + 7)" {
		t.Errorf("got %+v", where)
	}
}
