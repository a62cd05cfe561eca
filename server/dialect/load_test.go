package dialect_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/parser"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/claimsmith/claimsmith/internal/strictyaml"
	"github.com/claimsmith/claimsmith/server/dialect"
)

// small is a dialect with nothing that need not be.
const small = `dialect: small
token:
  algorithm: HS256
  claims: {sub: "${identity.subject}", exp: "${token.exp}"}
  read: {subject: "${claims.sub}"}
routes:
  - name: login
    kind: login
    method: POST
    path: /login
    fields:
      username: {from: [json user], required: true}
      password: {from: [json pass], required: true}
    answers:
      success: {body: {token: "${token.text}"}}
answers:
  failure: {body: {error: "${failure.message}"}}
`

func TestFaults(t *testing.T) {
	if _, err := dialect.Load("small.yaml", []byte(small)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what, old, new string
		want           string // position and message
	}{
		{"an unknown key", "    kind: login", "    knid: login", `8:5: unknown key "knid"`},
		{"a misspelt variable", "identity.subject", "identity.subjet", "4:29: "},
		{"a variable of another kind of answer", "token.text", "failure.message", "15:34: "},
		{"a secret is no variable", "token.text", "request.password", "15:42: "},
		{"an expression that would run long", "identity.subject", "identity.groups.map(a, identity.groups.map(b, identity.groups.map(c, a + b + c)))[0][0][0]", "4:"},
		{"a place that is none", "json user", "body user", `12:25: "body user" is not a place of a request`},
		{"a path without the segment", "json user", "path user", "the route's path has no {user}"},
		{"a login without a password", "      password: {from: [json pass], required: true}\n", "", "a login route needs the field password"},
		{"a login whose password may be missing", "[json pass], required: true", "[json pass]", "a login needs this field"},
		{"an unknown outcome", "failure: {body", "denid: {body", `no outcome is called "denid"`},
		{"a misspelt success", "success: {body", "sucess: {body", `15:7: no outcome is called "sucess"`},
		{"a status in quotes", "failure: {body", "failure: {status: \"400\", body", "17:21: a status is a number from 200 to 599"},
		{"a status that is none", "failure: {body", "failure: {status: 99, body", "17:21: a status is a number from 200 to 599"},
		{"a misspelt field", "      password:", "      organization: {from: [json org]}\n      password:", `13:7: a field called "organization" is taken for a misspelt organisation`},
		{"a field of the dialect's own", "identity.subject", "request.tenant", "a field of the dialect's own is request.values.NAME"},
		{"a name in capitals", "dialect: small", "dialect: Small", "hint: write it in lower case"},
		{"a path without a slash", "path: /login", "path: login", "hint: begin it with a slash"},
		{"an expression within braces", `"${token.text}"`, "${token.text}, x: y", "hint: put a value that holds ${…} in double quotes"},
		{"no answer for an outcome", "failure: {body", "denied: {body", "no answer for malformed"},
		{"no success", "success: {body", "denied: {body", "no answer for success"},
		{"an option that nobody declares", "identity.subject", "options.sub", `4:28: no option is called "sub"`},
		{"a secret by another name", "token.text", "request.values.password", `15:49: request.values has no "password"`},
		{"a place in a body that is not taken", "json user", "form user", `12:25: "form user" is never there: the route accepts no form`},
		{"a place in a body of another kind", "path: /login", "path: /login\n    accepts: [form]", `13:25: "json user" is never there: the route accepts no json`},
		{"a status that is text", "failure: {body", "failure: {text: a, body", "both body and text"},
		{"an anchor", "failure: {body", "failure: &a {body", "anchor"},
		{"an algorithm that is none", "HS256", "HS1", `"HS1" is not one of`},
		{"a read member that is none", "read: {subject", "read: {sbject: a, subject", `unknown member "sbject"`},
		{"nobody is read", "read: {subject", "read: {id", "neither subject nor username is read"},
		{"who a token stands for, by a name", "subject: \"${claims.sub}\"}\nroutes:\n", "username: \"${claims.sub}\"}\nroutes:\n  - {name: me, kind: session, method: GET, path: /me, fields: {token: {from: [bearer], required: true}}, answers: {success: {}}}\n", "7:22: asks the plugin who a token stands for"},
		{"a refreshed token that tells no session", "path: /login\n", "path: /login\n    refresh_token: true\n", "token.read has neither session nor id"},
		{"a base path without a slash", "dialect: small", "dialect: small\npath: api", "does not match"},
		{"two routes in one place", "routes:\n", "routes:\n  - {name: b, kind: health, method: POST, path: /login, answers: {success: {}}}\n", "has the same method and path"},
	} {
		text := strings.Replace(small, tt.old, tt.new, 1)
		if text == small {
			t.Fatalf("%s: nothing was changed", tt.what)
		}
		_, err := dialect.Load("small.yaml", []byte(text))
		faults, ok := err.(strictyaml.Faults)
		if !ok || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.what, err, tt.want)
			continue
		}
		for _, f := range faults {
			if f.File != "small.yaml" || f.Line < 1 || f.Column < 1 {
				t.Errorf("%s: a fault without a place: %+v", tt.what, f)
			}
		}
	}
}

// TestSchema holds every dialect to the published schema, and what the loader
// refuses by its keys.
func TestSchema(t *testing.T) {
	text, err := dialect.Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("dialect.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("dialect.json")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	right := []string{small, string(example)}
	for _, name := range dialect.Names() {
		text, err := dialect.Text(name)
		if err != nil {
			t.Fatal(err)
		}
		right = append(right, string(text))
	}
	for _, text := range right {
		if err := validate(t, schema, text); err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	for _, wrong := range []string{"{}", strings.Replace(small, "kind: login", "knid: login", 1), strings.Replace(small, "HS256", "HS1", 1)} {
		if validate(t, schema, wrong) == nil {
			t.Errorf("the schema takes %q", wrong)
		}
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(strictyaml.Value(file.Docs[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}
