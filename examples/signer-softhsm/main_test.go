package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/jwks"
)

const libraryName = "libsofthsm2.so"

// softHSM makes a token of SoftHSM for the test, and returns its library.
func softHSM(t testing.TB) string {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CLAIMSMITH_TEST_ALL") == "1" {
		missing = t.Fatalf
	}
	found, err := filepath.Glob("/usr/lib/*/softhsm/" + libraryName)
	if more, _ := filepath.Glob("/usr/lib/softhsm/" + libraryName); err == nil {
		found = append(found, more...)
	}
	if _, err := exec.LookPath("softhsm2-util"); err != nil || len(found) == 0 {
		missing("SoftHSM is not installed (Debian: apt-get install softhsm2)")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", "claimsmith", "--pin", "1234", "--so-pin", "5678").CombinedOutput()
	if err != nil {
		t.Fatalf("init token: %v\n%s", err, out)
	}
	return found[0]
}

func TestSignsThroughSoftHSM(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out, softHSM(t), "claimsmith", "1234"); err != nil {
		t.Fatal(err)
	}
	line := `%s [\w-]{43}: \{"sub":"alice"\}\n`
	want := strings.ReplaceAll(line, "%s", "ES256") + strings.ReplaceAll(line, "%s", "RS256") + "rotated\n" + strings.ReplaceAll(line, "%s", "ES256")
	if !regexp.MustCompile("^" + want + "$").MatchString(out.String()) {
		t.Errorf("it printed:\n%s", &out)
	}
}

func TestEveryAlgorithmThatTheTokenKnows(t *testing.T) {
	token, err := openHSM(softHSM(t), "claimsmith", "1234")
	if err != nil {
		t.Fatal(err)
	}
	defer token.Close()
	for _, algorithm := range jwks.Algorithms() {
		if algorithm == "EdDSA" {
			continue
		}
		ring, err := openRing(t.Context(), token, algorithm)
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		for range 10 {
			if err := signAndVerify(t.Context(), new(strings.Builder), ring, algorithm); err != nil {
				t.Errorf("%s: %v", algorithm, err)
			}
		}
	}
	if _, err := openRing(t.Context(), token, "EdDSA"); err == nil {
		t.Error("EdDSA: want an error")
	}
}

func BenchmarkSign(b *testing.B) {
	token, err := openHSM(softHSM(b), "claimsmith", "1234")
	if err != nil {
		b.Fatal(err)
	}
	defer token.Close()
	ring, err := openRing(b.Context(), token, "ES256")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := ring.Sign(b.Context(), "ES256", "at+jwt", []byte(`{"sub":"alice"}`)); err != nil {
			b.Fatal(err)
		}
	}
}
