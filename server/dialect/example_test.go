package dialect_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cespare/webtest"

	"github.com/claimsmith/claimsmith/server/dialect"
)

const exampleFile = "../../examples/dialects/directus.yaml"

// TestTheWorkedExample runs the transcripts of the dialect that docs/dialects.md
// writes.
func TestTheWorkedExample(t *testing.T) {
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialect.Load("directus.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, dialect.Config{Dialect: d})
	webtest.TestHandler(t, "../../examples/dialects/*.txt", &recorder{next: s.mux})
}

// TestTheDocumentShowsTheExample holds what docs/dialects.md quotes to the file.
func TestTheDocumentShowsTheExample(t *testing.T) {
	file, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile("../../docs/dialects.md")
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, _ := strings.Cut(string(document), "Begin with the token.")
	quoted, _, found := strings.Cut(quoted, "The whole file is")
	if !found {
		t.Fatal("the example is not where it was")
	}
	lines := 0
	for line := range strings.Lines(quoted) {
		code, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		if lines++; !strings.Contains("\n"+string(file), "\n"+code) {
			t.Errorf("the file has no line %q", code)
		}
	}
	if lines < 30 {
		t.Errorf("%d lines are quoted", lines)
	}
}
