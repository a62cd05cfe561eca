package password_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/database/password"
)

// sample is a line of testdata/hashes.tsv.
type sample struct{ tool, allow, password, hash string }

func samples(t testing.TB) []sample {
	f, err := os.Open("testdata/hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []sample
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		v := strings.Split(lines.Text(), "\t")
		if len(v) != 4 {
			t.Fatalf("line has %d columns, want 4: %s", len(v), lines.Text())
		}
		all = append(all, sample{v[0], v[1], v[2], v[3]})
	}
	return all
}

func (s sample) parse(t testing.TB) password.Hash {
	t.Helper()
	h, err := policy(t, s.allow).Parse(s.hash)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return h
}

func policy(t testing.TB, allow string) password.Policy {
	t.Helper()
	if allow == "-" {
		return password.Policy{}
	}
	p, err := password.Allow(allow)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHashesOfOtherTools(t *testing.T) {
	for _, s := range samples(t) {
		t.Run(s.tool+" "+s.hash[:min(20, len(s.hash))], func(t *testing.T) {
			h := s.parse(t)
			if !h.Verify(s.password) {
				t.Error("the right password does not match")
			}
			if wrong := strings.ToUpper(s.password); h.Verify(wrong) {
				t.Errorf("%q matches", wrong)
			}
			if h.Decoy().Verify(s.password) {
				t.Error("the decoy matches")
			}
		})
	}
}

func TestPaddingOfCharColumnsIsIgnored(t *testing.T) {
	for _, s := range samples(t) {
		if s.allow == "plaintext" {
			continue
		}
		s.hash += "     "
		if h := s.parse(t); h.Scheme() == "bcrypt" && !h.Verify(s.password) {
			t.Errorf("%s: padded hash does not match", s.tool)
		}
	}
}

func TestHashesThatANewOneWouldReplace(t *testing.T) {
	const argon2 = "$C4EQwlhLSem9d46R8p5Tyg$" + "YmgTWeIrf5JvSwuzEnXlJAYmgTWeIrf5JvSwuzEnXlI"
	for stored, want := range map[string]bool{
		password.New("x"):                               false,
		"$argon2id$v=19$m=65536,t=3,p=4" + argon2:       false,
		"$argon2id$v=19$m=47104,t=1,p=1" + argon2:       false,
		"$argon2id$v=19$m=19456,t=1,p=1" + argon2:       true,
		"$argon2id$v=19$m=8192,t=9,p=1" + argon2:        true,
		"$argon2i$v=19$m=65536,t=3,p=4" + argon2:        true,
		"argon2$argon2id$v=19$m=65536,t=3,p=4" + argon2: false,
	} {
		h, err := password.Policy{}.Parse(stored)
		if err != nil || h.CanRenew("x") != want || h.Decoy().CanRenew("x") {
			t.Errorf("%s: %v, %v, want %v", stored, h.CanRenew("x"), err, want)
		}
	}
	for _, s := range samples(t) {
		if h := s.parse(t); h.Scheme() != "argon2id" && !h.CanRenew(s.password) {
			t.Errorf("%s %s is not replaced", s.tool, h.Scheme())
		}
		if h := s.parse(t); h.Scheme() == "wordpress" && (!h.Verify(" "+s.password) || h.CanRenew(" "+s.password)) {
			t.Error("WordPress ignores the space, a new hash would not")
		}
	}
}

func TestNewHashes(t *testing.T) {
	one, two := password.New("correct horse"), password.New("correct horse")
	if one == two {
		t.Error("two hashes of one password are the same")
	}
	if !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("New made %s", one)
	}
	h, err := password.Policy{}.Parse(one)
	if err != nil {
		t.Fatal(err)
	}
	if !h.Verify("correct horse") || h.Verify("correct hors") {
		t.Error("a new hash does not tell right from wrong")
	}
	if usual := password.Usual(); usual.Scheme() != h.Scheme() || usual.Verify("correct horse") {
		t.Error("Usual is no decoy of a new hash")
	}
}

func TestPasswordsLongerThanBcryptReads(t *testing.T) {
	// PHP 8.2: password_hash(str_repeat("a", 80), PASSWORD_BCRYPT).
	const stored = "$2y$04$gPMyp4YbkbOSdR7EUMncT.rXK6ndllaWhOdZdMzOqBfKhEU0xVH6m"
	long := strings.Repeat("a", 80)
	strict, err := password.Policy{}.Parse(stored)
	if err != nil {
		t.Fatal(err)
	}
	if strict.Verify(long) {
		t.Error("a password of 80 bytes matches by its first 72")
	}
	if !strict.Verify(long[:72]) {
		t.Error("a password of 72 bytes does not match")
	}
	lenient, err := policy(t, password.BcryptTruncated).Parse(stored)
	if err != nil {
		t.Fatal(err)
	}
	if lenient.CanRenew(long) || !lenient.CanRenew(long[:72]) {
		t.Error("a new hash would be of what may not be the whole password")
	}
	if !lenient.Verify(long) || !lenient.Verify(long+"b") {
		t.Error("with bcrypt_truncated, a password of 80 bytes does not match by its first 72")
	}
}
