package shape_test

import (
	"encoding/json"
	"math"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/claimsmith/claimsmith/server/shape"
	"github.com/google/go-cmp/cmp"
)

type identity struct {
	Subject      string         `json:"subject"`
	Username     string         `json:"username,omitempty"`
	Name         string         `json:"name,omitempty"`
	Email        string         `json:"email,omitempty"`
	Organisation string         `json:"organisation,omitempty"`
	Units        []string       `json:"units,omitempty"`
	Groups       []string       `json:"groups,omitempty"`
	Roles        []string       `json:"roles,omitempty"`
	Expires      time.Time      `json:"expires,omitzero"`
	Claims       map[string]any `json:"claims,omitempty"`
	Hidden       string         `json:"-"`
}

type request struct {
	Scopes     []string          `json:"scopes"`
	Attributes map[string]string `json:"attributes"`
	Remote     netip.Addr        `json:"remote"`
}

type tokenTimes struct {
	ID      string        `json:"id"`
	Issued  time.Time     `json:"issued"`
	Expires time.Time     `json:"expires"`
	Life    time.Duration `json:"life"`
}

type variables struct {
	Identity *identity `json:"identity"`
	Client   struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"client"`
	Request request    `json:"request"`
	Token   tokenTimes `json:"token"`
	Depth   int        `json:"depth"`
	Big     uint64     `json:"big"`
	Ratio   float64    `json:"ratio"`
	On      bool       `json:"on"`
	Any     any        `json:"any"`
}

var env = func() *shape.Env[variables] {
	env, err := shape.NewEnv[variables]()
	if err != nil {
		panic(err)
	}
	return env
}()

func alice() *variables {
	v := &variables{
		Identity: &identity{
			Subject: "42", Username: "alice", Name: "Alice \"Al\" Å", Email: "alice@acme.example",
			Organisation: "Acme", Units: []string{"north", "south"}, Groups: []string{"CN=Staff", "CN=Admins"},
			Claims: map[string]any{
				"level": int64(3), "ratio": 1.5, "nothing": nil, "blank": "", "none": []any{}, "flag": true,
				"huge": uint64(math.MaxUint64), "number": json.Number("9007199254740993"),
				"address":  map[string]any{"city": "Leeds", "zip": nil},
				"accounts": []any{map[string]any{"id": "a1", "role": "admin"}, map[string]any{"id": "b2", "role": "user"}},
				"odd key":  "yes", "braces": "}${",
			},
		},
		Request: request{
			Scopes: []string{"openid"}, Attributes: map[string]string{"device": "d-1"},
			Remote: netip.MustParseAddr("192.0.2.7"),
		},
		Token: tokenTimes{
			ID: "t1", Issued: time.UnixMilli(1412229205361), Expires: time.UnixMilli(1412236405361), Life: 2 * time.Hour,
		},
		Depth: -7, Big: math.MaxUint64, Ratio: 0.25, On: true,
	}
	v.Client.ID, v.Client.Name = "demo", "Demo"
	return v
}

func render(t *testing.T, text string, v *variables, options ...shape.Option) string {
	t.Helper()
	s, err := shape.CompileText([]byte(text), env, options...)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	out, err := s.AppendJSON([]byte("prefix "), v)
	if err != nil {
		if string(out) != "prefix " {
			t.Errorf("left %q behind an error", out)
		}
		return "error: " + err.Error()
	}
	out = out[len("prefix "):]
	if !json.Valid(out) {
		t.Errorf("%s\nis no JSON: %s", text, out)
	}
	if _, err := s.Render(v); err != nil {
		t.Errorf("Render: %v", err)
	}
	return string(out)
}

func TestValues(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		// Literals keep their type and their digits.
		{`a`, `"a"`},
		{`1`, `1`},
		{`-5`, `-5`},
		{`1.0`, `1.0`},
		{`1.50`, `1.50`},
		{`18446744073709551615`, `18446744073709551615`},
		{`-9223372036854775808`, `-9223372036854775808`},
		{`0x1F`, `31`},
		{`true`, `true`},
		{`yes`, `"yes"`},
		{`~`, `null`},
		{``, `null`},
		{`# nothing`, `null`},
		{`'1'`, `"1"`},
		{`2001-01-01`, `"2001-01-01"`},
		{`6.3.0.1`, `"6.3.0.1"`},
		{`""`, `""`},
		{`[]`, `[]`},
		{`{}`, `{}`},
		{"a:\n- 1\n- [x, {y: z}]\nb:", `{"a":[1,["x",{"y":"z"}]],"b":null}`},
		{"z: 1\na: 2", `{"z":1,"a":2}`},
		{"1: a\ntrue: b", `{"1":"a","true":"b"}`},
		{"a: \"tab\\t\\u0001 \\\"\"", `{"a":"tab\t\u0001 \""}`},

		// Expressions give their type.
		{`${identity.subject}`, `"42"`},
		{`${identity.name}`, `"Alice \"Al\" Å"`},
		{`${identity.units}`, `["north","south"]`},
		{`${identity.roles}`, `[]`},
		{`${identity.claims.level}`, `3`},
		{`${identity.claims.level + 1}`, `4`},
		{`${identity.claims.ratio}`, `1.5`},
		{`${identity.claims.huge}`, `18446744073709551615`},
		{`${identity.claims.number}`, `9007199254740993`},
		{`${identity.claims.flag}`, `true`},
		{`${identity.claims.address}`, `{"city":"Leeds","zip":null}`},
		{`${identity.claims['odd key']}`, `"yes"`},
		{`${identity.claims.accounts[1].id}`, `"b2"`},
		{`${identity.units[0]}`, `"north"`},
		{`${identity.units.size()}`, `2`},
		{`${depth}`, `-7`},
		{`${big}`, `18446744073709551615`},
		{`${ratio}`, `0.25`},
		{`${1.0}`, `1`},
		{`${1e30}`, `1e+30`},
		{`${on}`, `true`},
		{`${any}`, `null`},
		{`${null}`, `null`},
		{`${client.id == 'demo'}`, `true`},
		{`${request.attributes}`, `{"device":"d-1"}`},
		{`${request.attributes.device}`, `"d-1"`},
		{`${request.remote}`, `"192.0.2.7"`},
		{`${request.remote.startsWith('192.')}`, `true`},
		{`${token.expires}`, `"2014-10-02T07:53:25.361Z"`},
		{`${identity.expires}`, `null`},
		{`${token.life}`, `7200`},
		{`${token.expires - token.issued}`, `7200`},
		{`${string(token.expires.unix())}`, `"1412236405"`},
		{`${token.issued.unix() - 120}`, `1412229085`},
		{`${base64.decode('aGVsbG8=')}`, `"aGVsbG8="`},
		{`${[1, 'a', null, 2u, 1.5]}`, `[1,"a",null,2,1.5]`},
		{`"${ {'b': 1, 'a': {2: 'x'}} }"`, `{"a":{"2":"x"},"b":1}`},
		{`${identity.claims.accounts.map(a, a.id)}`, `["a1","b2"]`},
		{`${identity.groups.map(g, g.replace('CN=', '').lowerAscii())}`, `["staff","admins"]`},
		{`"${ has(identity.email) ? 'mail' : 'none' }"`, `"mail"`},
		{`${has(identity.expires)}`, `false`},
		{`${'admin' in identity.roles}`, `false`},

		// Text around expressions makes a string.
		{`${identity.username}@${client.id}`, `"alice@demo"`},
		{`level ${identity.claims.level}, ${on}, ${ratio}`, `"level 3, true, 0.25"`},
		{`say ${identity.name}`, `"say Alice \"Al\" Å"`},
		{`until ${token.expires}`, `"until 2014-10-02T07:53:25.361Z"`},
		{`$${x} and $ and ${'$'}{`, `"${x} and $ and ${"`},
		{`$${identity.nothing}`, `"${identity.nothing}"`},
		{`${'${'}`, `"${"`},
		{"|\n  ${identity.units\n    .map(u, u + '!')}\n", `["north!","south!"]`},
		{"|\n  a\n  ${client.id}\n", `"a\ndemo\n"`},
		{">-\n  ${identity.units\n  .size()}\n", `2`},

		// Braces, quotes and comments inside an expression.
		{`"${ {'a': 1}['a'] }"`, `1`},
		{`"${'}'}"`, `"}"`},
		{`'${"}"}'`, `"}"`},
		{`'${r"\"}'`, `"\\"`},
		{`${'''it's }'''}`, `"it's }"`},
		{"|\n  ${1 // a comment }\n  + 1}\n", `2`},
		{`"${{'a': {'b': '}'}}.a.b}"`, `"}"`},
	} {
		if got := render(t, test.text, alice()); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestAbsentNullAndEmpty(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		// Absent: the member is left out.
		{`a: ${identity.claims.title}`, `{}`},
		{`a: ${identity.claims.title.deeper['still'][0]}`, `{}`},
		{`a: ${identity.claims.level.deeper}`, `{}`},
		{`a: ${identity.claims.accounts[7]}`, `{}`},
		{`a: ${identity.units[-1]}`, `{}`},
		{`a: ${identity.claims[?'title']}`, `{}`},
		{`a: ${identity.claims.?title}`, `{}`},
		{`a: ${identity.?username}`, `{"a":"alice"}`},
		{`a: ${identity.?expires}`, `{}`},
		{`a: ${optional.none()}`, `{}`},
		{`a: ${request.attributes.unit}`, `{}`},
		{`[1, "${identity.claims.title}", 2]`, `[1,2]`},
		{`["${identity.claims.title}", 2]`, `[2]`},
		{"x: 1\na: ${identity.claims.title}\nz: 2", `{"x":1,"z":2}`},
		{"a: ${identity.claims.title}\nz: 2", `{"z":2}`},
		{"a:\n  b: ${identity.claims.title}", `{"a":{}}`},
		{`${identity.claims.title}`, `null`},
		// Null and empty: they stay.
		{`a: ${identity.claims.nothing}`, `{"a":null}`},
		{`a: ${identity.claims.address.zip}`, `{"a":null}`},
		{`a: ${identity.claims.blank}`, `{"a":""}`},
		{`a: ${identity.claims.none}`, `{"a":[]}`},
		{`a: ${identity.roles}`, `{"a":[]}`},
		{`a: ${identity.expires}`, `{"a":null}`},
		// Optional members.
		{`a?: ${identity.claims.title}`, `{}`},
		{`a?: ${identity.claims.nothing}`, `{}`},
		{`a?: ${identity.claims.blank}`, `{}`},
		{`a?: ${identity.claims.none}`, `{}`},
		{`a?: ${identity.roles}`, `{}`},
		{`a?: ${identity.expires}`, `{}`},
		{`a?: ${identity.expires.unix()}`, `{}`},
		{`a?: ${identity.claims.title.upperAscii()}`, `{}`},
		{`a?: ${identity.claims.memberOf.map(m, m)}`, `{}`},
		{`a?: Dear ${identity.claims.title}`, `{}`},
		{`a?: Dear ${identity.claims.nothing}`, `{}`},
		{"a?:\n  b?: ${identity.roles}", `{}`},
		{"a?:\n  b: ${identity.claims.title}", `{}`},
		{"a?: ''\nb?:\nc?: []\nd?: {}", `{}`},
		{`a?: ${identity.email}`, `{"a":"alice@acme.example"}`},
		{"a?: 0\nb?: false\nc?: ${1 > 2}", `{"a":0,"b":false,"c":false}`},
		{`a\?: 1`, `{"a?":1}`},
		{`"a?": ${identity.roles}`, `{}`},
		// Computing with something absent is an error.
		{`a: ${identity.claims.title.upperAscii()}`, `error: render ${identity.claims.title.upperAscii()} of line 1: missing value: no such key: title; a "?" after the member's name leaves it out in this case`},
		{`a: Dear ${identity.claims.title}`, `error: render ${identity.claims.title} of line 1: missing value; a "?" after the member's name leaves it out in this case`},
		{`a: ${identity.expires.iso()}`, `error: render ${identity.expires.iso()} of line 1: missing value: the time is not set; a "?" after the member's name leaves it out in this case`},
		{`a: ${identity.claims.accounts[7].id + ''}`, `error: render ${identity.claims.accounts[7].id + ''} of line 1: missing value: index out of bounds: 7; a "?" after the member's name leaves it out in this case`},
		{`a: ${identity.claims.?title.orValue('none').upperAscii()}`, `{"a":"NONE"}`},
		// An error that is no absence stays one.
		{`a?: ${identity.claims.blank + 1}`, `error: render ${identity.claims.blank + 1} of line 1: a value has another type than the expression expects`},
		{`a?: ${1 / (depth + 7)}`, `error: render ${1 / (depth + 7)} of line 1: division by zero`},
		{`a?: x ${identity.claims.none}`, `error: render ${identity.claims.none} of line 1: a list, map or null cannot stand within text`},
	} {
		if got := render(t, test.text, alice()); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestNothingIsSet(t *testing.T) {
	got := render(t, `
a: ${identity.subject}
b: ${identity.units}
c: ${identity.claims}
d: ${identity.claims.x}
e: ${has(identity.email)}
f: ${identity.email.upperAscii()}
g: ${request.remote}
h: ${client.id}
i: ${token.expires}
j: ${any}
k: ${identity.?claims.?x.orValue('none')}
`, &variables{})
	want := `{"a":"","b":[],"c":{},"e":false,"f":"","g":"","h":"","i":null,"j":null,"k":"none"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestSpread(t *testing.T) {
	v := alice()
	v.Identity.Claims = map[string]any{"b": 1, "a": []any{"x"}, "iss": "evil", "mine": "theirs", "gone": 1}
	for _, test := range []struct{ text, want string }{
		{"\"...\": ${identity.claims}\nmine: ours\ngone: ${identity.claims.absent}", `{"mine":"ours","a":["x"],"b":1}`},
		{"\"...\": ${identity.claims}", `{"a":["x"],"b":1,"gone":1,"mine":"theirs"}`},
		{"\"...\": ${identity.claims.absent}", `{}`},
		{"\"...\": ${request.attributes}", `{"device":"d-1"}`},
		{"x:\n  \"...\": ${identity.claims}", `{"x":{"a":["x"],"b":1,"gone":1,"iss":"evil","mine":"theirs"}}`},
		{"\"...\": \"${request.attributes.map(k, k).transformMapEntry(i, k, {k: i})}\"", `{"device":0}`},
		{"\"...\": ${identity.claims.b}", `error: render ${identity.claims.b} of line 1: not a map`},
		{"\"...?\": ${identity.claims.absent.deeper.map(x, x)}", `{}`},
	} {
		if got := render(t, test.text, v, shape.Reserve("iss")); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestWithAndExplain(t *testing.T) {
	compile := func(text string) *shape.Shape[variables] {
		s, err := shape.CompileText([]byte(text), env, shape.Mapping(), shape.Reserve("iss"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	issuer := compile("name: ${identity.name}\nlevel: 1\n\"...\": ${request.attributes}")
	client := compile("level: ${identity.claims.level}\ndevice: mine\ntitle?: ${identity.claims.title.upperAscii()}\nbad: ${1 / (depth + 7)}")
	both := issuer.With(client)

	type line struct{ name, source, json, err string }
	var got []line
	for _, e := range both.Explain(alice()) {
		l := line{e.Name, e.Source, string(e.JSON), ""}
		if e.Err != nil {
			l.err = e.Err.Error()
		}
		got = append(got, l)
	}
	want := []line{
		{"name", "${identity.name}", `"Alice \"Al\" Å"`, ""},
		{"level", "${identity.claims.level}", "3", ""},
		{"device", "mine", `"mine"`, ""},
		{"title", "${identity.claims.title.upperAscii()}", "", ""},
		{"bad", "${1 / (depth + 7)}", "", "render ${1 / (depth + 7)} of line 4: division by zero"},
		{"...", "${request.attributes}", "{}", ""},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Error(diff)
	}
	members := both.Members()
	if m := members[3]; m.Name != "title" || !m.Optional || m.Line != 3 || m.Column != 1 {
		t.Errorf("member %+v", m)
	}
	if got, _ := issuer.AppendJSON(nil, alice()); string(got) != `{"name":"Alice \"Al\" Å","level":1,"device":"d-1"}` {
		t.Errorf("With changed its receiver: %s", got)
	}
	if got := compile("").With(compile("a: 1")).Members(); len(got) != 1 {
		t.Errorf("empty shape with another: %v", got)
	}
}

// The examples of Env's comment hold.
func TestDocumentedExamples(t *testing.T) {
	source, err := os.ReadFile("env.go")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`(?m)^//\t(.+?)\s+→ (.+)$`).FindAllStringSubmatch(string(source), -1)
	if len(examples) < 10 {
		t.Fatalf("found %d examples", len(examples))
	}
	for _, e := range examples {
		if got := render(t, "|\n  ${"+e[1]+"}", alice()); got != e[2] {
			t.Errorf("%s\n got %s\nwant %s", e[1], got, e[2])
		}
	}
}

// Claims and answers as the login APIs of vendors have them.
func TestVendorsClaims(t *testing.T) {
	got := render(t, `
unique_name: ${identity.subject}
company: ${request.attributes.?company.orValue(identity.organisation)}
nbf: ${token.issued.unix() - 120}
exp: ${string(token.expires.unix())}
iso: ${token.expires}
expiryTime: ${string(token.expires.unixMilli() - token.issued.unixMilli())}
clientId: ${request.attributes[?'clientId'].orNull()}
reqCsrf: false
userDetails:
  aut: ${identity.groups.map(g, 'ROLE_' + g.split('=')[1].upperAscii())}
  cts: api
  ema?: ${identity.email}
jti: ${token.id.upperAscii()}
oun: ${identity.units[0]}
id: ${identity.subject.replace('-', '')}
scope: ${request.scopes.join(' ')}
expdb?: ${identity.claims.offlineMinutes}
accounts: "${identity.claims.?accounts.orValue([]).map(a, {'id': a.id, ?'name': a.?name, 'role': a.role})}"
byId: "${identity.claims.accounts.transformMapEntry(i, a, {a.id: {'role': a.role}})}"
tags: ${identity.claims.?tags.orValue('x, y').split(',').map(t, t.trim())}
admin: ${identity.claims.accounts.exists(a, a.role == 'admin')}
`, alice())
	want := `{"unique_name":"42","company":"Acme","nbf":1412229085,"exp":"1412236405","iso":"2014-10-02T07:53:25.361Z",` +
		`"expiryTime":"7200000","clientId":null,"reqCsrf":false,` +
		`"userDetails":{"aut":["ROLE_STAFF","ROLE_ADMINS"],"cts":"api","ema":"alice@acme.example"},` +
		`"jti":"T1","oun":"north","id":"42","scope":"openid",` +
		`"accounts":[{"id":"a1","role":"admin"},{"id":"b2","role":"user"}],` +
		`"byId":{"a1":{"role":"admin"},"b2":{"role":"user"}},"tags":["x","y"],"admin":true}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestOddValues(t *testing.T) {
	deep := any("end")
	for range 100 {
		deep = map[string]any{"d": deep}
	}
	for _, test := range []struct {
		value any
		want  string // of the path, and of the same through CEL where it differs
		cel   string
	}{
		{"\xff\xfeok", "\"\uFFFD\uFFFDok\"", ""},
		{math.NaN(), "error: render ${any} of line 1: NaN is no JSON number", ""},
		{math.Inf(-1), "error: render ${any} of line 1: -Inf is no JSON number", ""},
		{deep, "error: render ${any} of line 1: lists and maps are nested more than 32 deep", ""},
		{json.Number("oops"), "error: render ${any} of line 1: not a JSON number", "error: render ${any} of line 1: not a number"},
		{struct{ A int }{1}, "error: render ${any} of line 1: a struct { A int } has no JSON form", "error: render ${any} of line 1: a struct { A int } cannot be used in expressions"},
		{func() {}, "error: render ${any} of line 1: a func() has no JSON form", "error: render ${any} of line 1: a func() cannot be used in expressions"},
		{strings.Repeat("x", 9000), `"` + strings.Repeat("x", 9000) + `"`, "error: render ${any} of line 1: a string of more than 4096 bytes"},
		{make([]any, 5000), "[null" + strings.Repeat(",null", 4999) + "]", "error: render ${any} of line 1: a value of more than 4096 members"},
		{map[string]string{"b": "1", "a": "2"}, `{"a":"2","b":"1"}`, ""},
		{map[string]int{"b": 1, "a": 2}, `{"a":2,"b":1}`, ""},
		{[]int{1, 2}, `[1,2]`, ""},
		{[]map[string]bool{{"x": true}}, `[{"x":true}]`, ""},
		{int8(3), `3`, ""},
		{float32(0.5), `0.5`, ""},
		{netip.MustParseAddr("::1"), `"::1"`, ""},
		{time.UnixMilli(1412236405361), `"2014-10-02T07:53:25.361Z"`, ""},
		{json.Number("1.25"), `1.25`, ""},
	} {
		v := &variables{Any: test.value}
		if got := render(t, `${any}`, v); got != test.want {
			t.Errorf("%T: got %.200s, want %.200s", test.value, got, test.want)
		}
		want := test.want
		if test.cel != "" {
			want = test.cel
		}
		const through = `[any].filter(x, true)[0]`
		if got := strings.ReplaceAll(render(t, `${`+through+`}`, v), through, "any"); got != want {
			t.Errorf("%T in CEL: got %.200s, want %.200s", test.value, got, want)
		}
	}
}

func TestEnvRefusesTypesThatExpressionsCannotUse(t *testing.T) {
	if _, err := shape.NewEnv[struct {
		A struct{ B chan int } `json:"a"`
	}](); err == nil || err.Error() != "make shape variables: a.B: a chan int cannot be used in expressions" {
		t.Errorf("got %v", err)
	}
	if _, err := shape.NewEnv[int](); err == nil {
		t.Error("an int is no struct")
	}
}
