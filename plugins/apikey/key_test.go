package apikey

import (
	"hash/crc32"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var scanner = regexp.MustCompile(`\bcsk_[0-9A-Za-z]{60}\b`)

func TestKeysThatAreMade(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		made, secret := generate()
		text := secret.Reveal()
		if !scanner.MatchString("key=" + text + ";") {
			t.Fatalf("%s is not what the scanner looks for", text)
		}
		key, err := Parse(text)
		if err != nil || key != made {
			t.Fatalf("Parse(%s) = %v, %v, want %v", text, key, err, made)
		}
		if seen[key.ID] {
			t.Fatalf("id %s was made twice", key.ID)
		}
		seen[key.ID] = true
	}
}

func TestEveryCharacterIsUsedEquallyOften(t *testing.T) {
	counts := map[rune]int{}
	const size = 62 * 2000
	for _, c := range random(size) {
		counts[c]++
	}
	for _, c := range base62 {
		if n := counts[c]; n < 1700 || n > 2300 { // 6.7 standard deviations
			t.Errorf("%c was drawn %d times of %d", c, n, size)
		}
	}
}

// TestFormat pins the format: keys live in other people's files.
func TestFormat(t *testing.T) {
	const text = "csk_0123456789AabcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
	key, err := Parse(text + "3Tddaq")
	if err != nil {
		t.Fatalf("the checksum is %s (%d)", checksum(text), crc32.ChecksumIEEE([]byte(text)))
	}
	if key.ID != "0123456789A" {
		t.Errorf("id is %s", key.ID)
	}
}

func TestTyposAreFoundOffLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, secret := generate()
		typed := []byte(secret.Reveal())
		i := rapid.IntRange(0, len(typed)-1).Draw(t, "position")
		if rapid.Bool().Draw(t, "swap") && i > 0 {
			typed[i-1], typed[i] = typed[i], typed[i-1]
		} else {
			typed[i] = rapid.Byte().Draw(t, "character")
		}
		if string(typed) == secret.Reveal() {
			t.Skip("not a typo")
		}
		if _, err := Parse(string(typed)); err == nil {
			t.Errorf("%s passes for %s", typed, secret.Reveal())
		}
	})
	_, secret := generate()
	text := secret.Reveal()
	for _, typed := range []string{"", "csk_", text[:63], text + "0", " " + text, text + "\n", strings.ToLower(text), "CSK_" + text[4:]} {
		if _, err := Parse(typed); err == nil {
			t.Errorf("%q passes", typed)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, secret := generate()
	f.Add(secret.Reveal())
	f.Add("csk_" + strings.Repeat("é", 30))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := Parse(text)
		if err == nil && (!scanner.MatchString(text) || !strings.HasPrefix(text, "csk_"+key.ID)) {
			t.Errorf("Parse(%q) = %v", text, key)
		}
	})
}
