package strictyaml_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
)

// config has a field of every sort.
type config struct {
	// Listen is the address to listen on.
	Listen  string              `yaml:"listen" jsonschema:"required,minLength=1"`
	Log     logging             `yaml:"log"`
	TLS     *tls                `yaml:"tls"`
	Issuers []issuer            `yaml:"issuers" jsonschema:"minItems=1,maxItems=3"`
	Labels  map[string]string   `yaml:"labels"`
	Plugins map[string]plugin   `yaml:"plugins"`
	Remote  netip.Addr          `yaml:"remote"`
	Extra   any                 `yaml:"extra"`
	Wait    strictyaml.Duration `yaml:"wait"`
	Ratio   float64             `yaml:"ratio" jsonschema:"minimum=0,maximum=1"`
	Port    uint16              `yaml:"port"`
	Offset  int8                `yaml:"offset"`
	Level   int                 `yaml:"level" jsonschema:"enum=1,enum=2"`
	Debug   bool                `yaml:"debug"`
	Secret  secret              `yaml:"secret"`
	Common  `yaml:",inline"`
	Skipped int `yaml:"-"`
}

type Common struct {
	Name string `yaml:"name" jsonschema:"pattern=^[a-z]+$,maxLength=8"`
}

type logging struct {
	Format string `yaml:"format" jsonschema:"enum=json,enum=text"`
}

type tls struct {
	Cert string `yaml:"cert" jsonschema:"required"`
	Key  string `yaml:"key" jsonschema:"required"`
}

type issuer struct {
	URL    string   `yaml:"url" jsonschema:"required"`
	Chain  []string `yaml:"chain" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z.]+$"`
	Claims ast.Node `yaml:"claims"`
}

type plugin struct {
	Command []string      `yaml:"command"`
	Timeout time.Duration `yaml:"timeout"`
	Config  ast.Node      `yaml:"config"`
}

// secret is a text, or a mapping that says where one is.
type secret struct {
	Text string
	From *source
}

type source struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`
}

func (s *secret) DecodeYAML(d *strictyaml.Document, n ast.Node) {
	if text, ok := n.(*ast.StringNode); ok {
		s.Text = text.Value
		return
	}
	s.From = &source{}
	if _, ok := n.(*ast.MappingNode); ok {
		d.Decode(n, s.From)
	}
	if s.From.Env == "" && s.From.File == "" {
		d.FaultOf(n, "a secret is a text, {env: NAME} or {file: PATH}", "")
	}
}

func (secret) JSONSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Description: "a text, or where one is"}
}

func TestDecode(t *testing.T) {
	got := config{Ratio: 0.5, Level: 2, Log: logging{Format: "json"}}
	doc, err := strictyaml.Decode("c.yaml", []byte(`
listen: ":8080"
log: {format: text}
issuers:
  - url: https://one.example
    chain: [ldap, "users.db"]
    claims: {name: "${identity.name}"}
  - url: https://two.example
labels: {a: b, "1": c, 2: d}
plugins:
  ldap:
    command: [ldapd, -v]
    timeout: 1m30s
    config: {host: h, port: 389}
remote: 192.0.2.1
extra: [1, 2.5, x, null, true, {a: 18446744073709551615}]
wait: 1d12h
port: 65535
offset: -5
debug: true
secret: {env: PASSWORD}
name: demo
tls:
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	claims, host := got.Issuers[0].Claims, got.Plugins["ldap"].Config
	if diff := cmp.Diff(map[string]any{"name": "${identity.name}"}, strictyaml.Value(claims)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"host": "h", "port": int64(389)}, strictyaml.Value(host)); diff != "" {
		t.Error(diff)
	}
	if claims.GetToken().Position.Line != 7 {
		t.Errorf("claims are at %v", claims.GetToken().Position)
	}
	got.Issuers[0].Claims = nil
	got.Plugins = nil
	want := config{
		Listen: ":8080", Log: logging{Format: "text"}, Labels: map[string]string{"a": "b", "1": "c", "2": "d"},
		Issuers: []issuer{{URL: "https://one.example", Chain: []string{"ldap", "users.db"}}, {URL: "https://two.example"}},
		Remote:  netip.MustParseAddr("192.0.2.1"), Wait: strictyaml.Duration(36 * time.Hour), Ratio: 0.5,
		Extra: []any{int64(1), 2.5, "x", nil, true, map[string]any{"a": uint64(18446744073709551615)}},
		Port:  65535, Offset: -5, Level: 2, Debug: true, Secret: secret{From: &source{Env: "PASSWORD"}}, Common: Common{Name: "demo"},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string][2]int{
		"": {2, 1}, "listen": {2, 9}, "issuers[0].chain[1]": {6, 19}, "issuers[1]": {8, 5}, "issuers[1].url": {8, 10},
		`labels["1"]`: {9, 21}, "issuers[7].chain": {5, 3}, "nowhere.at.all": {2, 1}, "plugins.ldap.timeout": {13, 14}, "log.format": {3, 15},
	} {
		if line, column := doc.Pos(path); line != want[0] || column != want[1] {
			t.Errorf("%s is at %d:%d, want %v", path, line, column, want)
		}
	}
}

// Each file of testdata/faults is a document, a line of dashes and what is
// printed.
func TestFaults(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(text), "-----\n")
			if !ok {
				t.Fatal("no line of five dashes")
			}
			_, err = strictyaml.Decode("c.yaml", []byte(input), &config{})
			got := ""
			if err != nil {
				got = err.Error() + "\n"
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\nprinted:\n%s", diff, got)
			}
		})
	}
}

func TestBoundsAndBrokenText(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"large", strings.Repeat("#", strictyaml.MaxText+1), "c.yaml:1:1: the text is longer than 1048576 bytes"},
		{"not UTF-8", "listen: \xff", "c.yaml:1:1: the text is no UTF-8"},
		{"brackets", "extra: " + strings.Repeat("[", 100_000), "c.yaml:1:20006: more than 20000 words and signs"},
		{"deep", "extra: " + strings.Repeat("[", 60), "c.yaml:1:58: nested more than 50 deep\n    1 | extra: …\n      | "},
		{"dashes", "extra:\n  " + strings.Repeat("- ", 60), "c.yaml:2:103: nested more than 50 deep"},
	} {
		_, err := strictyaml.Decode("c.yaml", []byte(test.text), &config{})
		if err == nil || !strings.HasPrefix(err.Error(), strings.SplitN(test.want, "\n", 2)[0]) && err.Error() != test.want {
			t.Errorf("%s: got %.300v", test.name, err)
		}
	}
	var many strings.Builder
	for i := range 500 {
		many.WriteString("k" + strings.Repeat("x", i%7) + strings.Repeat("y", i/7) + ": 1\n")
	}
	_, err := strictyaml.Decode("c.yaml", []byte(many.String()), &config{})
	var faults strictyaml.Faults
	if !errors.As(err, &faults) || len(faults) != 100 {
		t.Errorf("%d faults", len(faults))
	}
}

func TestCallersOwnFaults(t *testing.T) {
	var c config
	doc, err := strictyaml.Decode("c.yaml", []byte("listen: a\nwait: soon\nname: demo\n"), &c)
	if err == nil {
		t.Fatal("soon is no duration")
	}
	doc.Fault("name", "the name is taken", "choose another")
	doc.FaultAt(1, 9, "cannot listen there", "")
	want := `c.yaml:1:9: cannot listen there
    1 | listen: a
      |         ^
c.yaml:2:7: a duration is wanted, such as 90s, 1h30m or 30d
    2 | wait: …
      |       ^
c.yaml:3:7: the name is taken
    3 | name: …
      |       ^
hint: choose another`
	if diff := cmp.Diff(want, doc.Err().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownTagIsNotOverlooked(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(r.(string), `unknown jsonschema keyword "minimun"`) {
			t.Errorf("got %v", r)
		}
	}()
	var c struct {
		A int `yaml:"a" jsonschema:"minimun=1"`
	}
	_, _ = strictyaml.Decode("c.yaml", nil, &c)
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"90s": "1m30s", "1h30m": "1h30m", "30d": "30d", "1d12h": "36h", "0s": "0s", "1.5h": "1h30m", "0d": "0s", "250ms": "250ms", "24h": "1d",
		"": "", "5": "", "-5s": "", "+5s": "", "1d-5s": "", "d": "", "1d2d": "", "999999d": "", "106751d24h": "", "1 d": "", "1y": "",
	} {
		var d strictyaml.Duration
		got := ""
		if err := d.UnmarshalText([]byte(in)); err == nil {
			got = d.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if got != "" {
			var again strictyaml.Duration
			if err := again.UnmarshalText([]byte(got)); err != nil || again != d {
				t.Errorf("%q does not read as itself", got)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/faults/*.txt")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(text), "-----\n")
		f.Add(input)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c config
		doc, err := strictyaml.Decode("c.yaml", []byte(text), &c)
		doc.Pos("issuers[0].chain[1]")
		if err == nil {
			return
		}
		var faults strictyaml.Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("not Faults: %v", err)
		}
		for _, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Message == "" {
				t.Errorf("fault %+v", fault)
			}
			_ = fault.Error()
		}
	})
}
