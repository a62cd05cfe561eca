package host

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

// logged returns what the log has of what a plugin writes.
func logged(secrets []string, written io.Reader) string {
	var log bytes.Buffer
	newOutput(slog.New(slog.NewTextHandler(&log, nil)), newRedactor(&Config{Secrets: secrets})).copy(written)
	return log.String()
}

func TestSecretsAreTakenOutOfLines(t *testing.T) {
	const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIE9a\nq8f1Zr0sPz3kL==\n-----END PRIVATE KEY-----\n"
	for name, c := range map[string]struct{ secret, line string }{
		"as it is":            {"hunter22", "password hunter22."},
		"twice":               {"hunter22", "hunter22hunter22"},
		"quoted by Go":        {"hun\"ter\n22", `password "hun\"ter\n22"`},
		"in JSON":             {`hun"ter<22`, `{"level":"INFO","msg":"x","password":"hun\"ter\u003c22"}`},
		"in JSON of slog":     {`hun"ter<22`, `{"level":"INFO","msg":"x","password":"hun\"ter<22"}`},
		"in a query":          {"hunter 2/2", "https://x?password=hunter+2%2F2"},
		"in a path":           {"hunter 2/2", "https://x/hunter%202%2F2"},
		"several lines":       {key, "the key is\n" + key},
		"across the cut":      {"hunter2222", strings.Repeat("x", maxLine-4) + "hunter2222"},
		"across the bound":    {"hunter2222", strings.Repeat("x", maxLine+6) + "hunter2222"},
		"drawn before a cut":  {"hunter2222" + strings.Repeat("y", 2000), strings.Repeat("hunter2222"+strings.Repeat("y", 2000), 9)},
		"not ended by a line": {"hunter22", "hunter22"},
	} {
		text := logged([]string{c.secret}, strings.NewReader(c.line))
		for _, part := range []string{"hunt", "hun", "MC4CAQAwBQYDK2VwBCIEIE9a", "q8f1Zr0sPz3kL", "ter<22", "ter\\u003c22"} {
			if strings.Contains(text, part) {
				t.Errorf("%s: the log has %q:\n%.300s", name, part, text)
			}
		}
	}
}

func TestRubbishBecomesAFewLines(t *testing.T) {
	rubbish := bytes.Repeat([]byte{0xff, 0x00, 0x1b, '[', 0xc3}, 1<<20)
	text := logged([]string{"hunter22"}, bytes.NewReader(rubbish))
	if n := strings.Count(text, "\n"); n != 1 || len(text) > 10*maxLine || !utf8.ValidString(text) || strings.ContainsAny(text, "\x00\x1b") {
		t.Errorf("%d bytes in %d lines", len(text), n)
	}
	if n := strings.Count(logged(nil, strings.NewReader(strings.Repeat("\n", 1<<20))), "\n"); n != 0 {
		t.Errorf("empty lines become %d", n)
	}
}

// A line that never ends is kept no longer than it is logged, and logged as far
// as the others.
func TestLinesAreCut(t *testing.T) {
	l := &lines{each: func([]byte, bool) {}, most: 100}
	for range 1000 {
		l.Write(make([]byte, 100))
	}
	if cap(l.part) > 1000 {
		t.Errorf("%d bytes are kept", cap(l.part))
	}
	text := logged([]string{strings.Repeat("y", 5000)}, strings.NewReader(strings.Repeat("z", 3*maxLine)))
	if n := strings.Count(text, "z"); n != maxLine || !strings.Contains(text, "z…") {
		t.Errorf("of a long line %d bytes are logged, want %d", n, maxLine)
	}
}

func FuzzOutput(f *testing.F) {
	f.Add([]byte(`{"level":"INFO","msg":"x","a":{"b":1}}`+"\n{}\n"), "hunter22")
	f.Add([]byte("panic: x\n\xff\xfe"), "\n\n\n\n\n")
	f.Add([]byte(strings.Repeat("x", maxLine)+"hunter22"), "hunter22")
	f.Fuzz(func(t *testing.T, written []byte, secret string) {
		text := logged([]string{secret}, bytes.NewReader(written))
		if !utf8.ValidString(text) {
			t.Error("the log is not UTF-8")
		}
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "time=") {
				t.Errorf("a plugin writes a line of its own: %q", line)
			}
		}
	})
}
