package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/database/password"
)

func TestWhatCannotBeRead(t *testing.T) {
	const b53 = "22characterssaltsaltsa" + "31characterskeykeykeykeykeykeyk"
	for _, c := range []struct {
		stored string
		want   error
	}{
		{"", password.ErrUnusable},
		{"   ", password.ErrUnusable},
		{"!", password.ErrUnusable},
		{"*LK*", password.ErrUnusable},
		{"!$6$locked", password.ErrUnusable},
		{"correct horse", password.ErrUnknown},
		{"$1$saltsalt$abc", password.ErrUnknown},
		{"{X-UNHEARD-OF}abc", password.ErrUnknown},
		{"{CRYPT}abJnggxhB/yWI", password.ErrUnknown},
		{"{CRYPT}{CRYPT}$6$a$b", password.ErrUnknown},
		{"{", password.ErrUnknown},
		{"$2x$04$" + b53, password.ErrUnknown},
		{"$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$a2V5", password.ErrUnknown},
		{"$2b$04$short", password.ErrMalformed},
		{"$2b$4$" + b53, password.ErrMalformed},
		{"$argon2id$v=16$m=8,t=1,p=1$c2FsdHNhbHQ$a2V5", password.ErrMalformed},
		{"$argon2id$v=19$m=8,t=1$c2FsdHNhbHQ$a2V5", password.ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1,x=1$c2FsdHNhbHQ$a2V5", password.ErrMalformed},
		{"$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHQ$a2V5", password.ErrMalformed},
		{"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$", password.ErrMalformed},
		{"$pbkdf2-sha256$-1$c2FsdA$a2V5", password.ErrMalformed},
		{"$scrypt$ln=0,r=8,p=1$c2FsdA$a2V5", password.ErrMalformed},
		{"scrypt$1000$salt$8$1$a2V5", password.ErrMalformed},
		{"{SSHA}c2hvcnQ=", password.ErrMalformed},
		{"{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", password.ErrMalformed}, // no salt
		{"$6$salt$short", password.ErrMalformed},
		{strings.Repeat("{ldap}", 100_000), password.ErrMalformed},
		{"3cb4e732631f47e6eb961f34554b7cde", password.ErrNotAllowed},
		{"{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=", password.ErrNotAllowed},
		{"{noop}password", password.ErrNotAllowed},
		{"{CLEARTEXT}password", password.ErrNotAllowed},
	} {
		if _, err := (password.Policy{}).Parse(c.stored); !errors.Is(err, c.want) {
			t.Errorf("Parse(%.40q) = %v, want %v", c.stored, err, c.want)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	const b53 = "22characterssaltsaltsa" + "31characterskeykeykeykeykeykeyk"
	for _, stored := range []string{
		"$argon2id$v=19$m=67108864,t=1,p=1$c2FsdHNhbHQ$a2V5a2V5a2V5", // 64 GiB
		"$argon2id$v=19$m=65536,t=999999,p=1$c2FsdHNhbHQ$a2V5a2V5",
		"$argon2id$v=19$m=65536,t=1,p=255$c2FsdHNhbHQ$a2V5a2V5",
		"$2b$31$" + b53,
		"$scrypt$ln=31,r=8,p=1$c2FsdA$a2V5",
		"$scrypt$ln=10,r=8,p=999999999$c2FsdA$a2V5",
		"$scrypt$ln=62,r=999999999,p=999999999$c2FsdA$a2V5",
		"scrypt$16$salt$999999999$999999999$a2V5",
		"{scrypt}$1fffff$c2FsdA==$a2V5",
		"$pbkdf2-sha512$999999999$c2FsdA$a2V5",
		"pbkdf2_sha256$999999999$salt$a2V5",
		"$6$rounds=999999999$saltsalt$" + strings.Repeat("a", 86),
		"$P$U12345678" + strings.Repeat("a", 22),
		"$y$jzz$abcdefghij0123456789$bYNhDyQ9JREjNReFgrcXvj8bXsq1ViRSLHt/4Yq1mQ5",
		"$pbkdf2$1$" + strings.Repeat("c2Fs", 500) + "$a2V5",
	} {
		if _, err := (password.Policy{}).Parse(stored); !errors.Is(err, password.ErrTooCostly) {
			t.Errorf("Parse(%.40q) = %v, want %v", stored, err, password.ErrTooCostly)
		}
	}
}

func TestErrorsQuoteNothingStored(t *testing.T) {
	for _, s := range samples(t) {
		_, err := password.Policy{}.Parse(s.hash[:len(s.hash)-1] + "~")
		if err != nil && strings.Contains(err.Error(), s.hash[:8]) {
			t.Errorf("%s: error quotes the stored value: %v", s.tool, err)
		}
	}
}

func TestNamesOfWeakForms(t *testing.T) {
	if _, err := password.Allow(password.Weak...); err != nil {
		t.Error(err)
	}
	if _, err := password.Allow("md4"); err == nil || !strings.Contains(err.Error(), `"md4"`) {
		t.Errorf("Allow(md4) = %v, want an error that names it", err)
	}
}

func FuzzParse(f *testing.F) {
	all, err := password.Allow(password.Weak...)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range samples(f) {
		f.Add(s.hash)
	}
	f.Fuzz(func(t *testing.T, stored string) {
		if h, err := (password.Policy{}).Parse(stored); err == nil && h.Scheme() == "" {
			t.Error("a hash without a scheme")
		}
		all.Parse(stored)
	})
}

func BenchmarkVerify(b *testing.B) {
	seen := map[string]bool{}
	for _, s := range samples(b) {
		h := s.parse(b)
		if seen[h.Scheme()] {
			continue
		}
		seen[h.Scheme()] = true
		b.Run(h.Scheme(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !h.Verify(s.password) {
					b.Fatal("no match")
				}
			}
		})
	}
	b.Run("argon2id-new", func(b *testing.B) {
		h := password.Usual()
		b.ReportAllocs()
		for b.Loop() {
			h.Verify("correct horse")
		}
	})
}
