package shape_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/claimsmith/claimsmith/server/shape"
)

var upTo = regexp.MustCompile(`(up to|size) [0-9]+`)

func TestFaults(t *testing.T) {
	long := strings.Repeat("1 + ", 300) + "1"
	for _, test := range []struct{ text, want string }{
		{"a: ${identity.emial}", "1:15: identity.emial: no such field; did you mean identity.email?"},
		{"a: 1\nb:\n  c: x ${identity.emial} y", "3:19: identity.emial: no such field; did you mean identity.email?"},
		{"a: ${has(identity.emial)}", "1:19: identity.emial: no such field; did you mean identity.email?"},
		{"a: ${identity.?emial}", "1:16: identity.emial: no such field; did you mean identity.email?"},
		{"a: ${identity.Hidden}", "1:15: identity.Hidden: no such field; there are subject, username, name, email, organisation, units, groups, roles, expires, claims"},
		{"a: ${idenity.email}", "1:6: no such variable: idenity; did you mean identity?"},
		{"a: ${identity.emial + client.nmae}", "1:15: identity.emial: no such field; did you mean identity.email?\n1:30: client.nmae: no such field; did you mean client.name?"},
		{"a: ${identity.email.lowerAsci()}", "1:30: no such function: lowerAsci; did you mean lowerAscii?"},
		{"a: ${identity.units.mapp(u, u)}", "1:25: no such function: mapp; did you mean map?"},
		{"a: ${identity.units.map(u, u.name)}", "1:29: type 'string' does not support field selection"},
		{"a: ${identity.email + 1}", "1:21: + does not apply to (string, int)"},
		{"a: ${identity.email.lowerAscii(1)}", "1:31: lowerAscii does not apply to string.(int)"},
		{"a: ${identity}", "1:6: an object is no value; name one of its fields: subject, username, name, email, organisation, units, groups, roles, expires, claims"},
		{"a: ${[client]}", "1:6: an object is no value; name one of its fields: id, name"},
		{"a: ${int}", "1:6: a type has no JSON form"},
		{"a: x ${identity.units}", "1:8: a list cannot stand within text; join its items: .join(' ')"},
		{"a: x ${null}", "1:8: a map or null cannot stand within text"},
		{"a: ${1 +}", "1:9: the expression ends too early"},
		{"a: ${}", "1:6: an empty expression"},
		{"a: ${ }", "1:7: an empty expression"},
		{"a: ${identity.email", "1:4: ${ is not closed; \"$${\" stands for a \"${\" that begins no expression"},
		{"a: b ${'x}", "1:6: a quote inside ${ is not closed; \"$${\" stands for a \"${\" that begins no expression"},
		{"a: ${1 / 0}", "1:6: division by zero"},
		{"a: ${timestamp('soon')}", "1:6: invalid RFC 3339 timestamp \"soon\""},
		{"a: \"${ \\\"x\\\" + identity.emial}\"", "1:25: identity.emial: no such field; did you mean identity.email?"},
		{"a: '${ ''x'' + identity.emial}'", "1:25: identity.emial: no such field; did you mean identity.email?"},
		{"a: |\n  one\n\n   ${\n  identity.emial}", "5:12: identity.emial: no such field; did you mean identity.email?"},
		{"a: >\n  one\n  ${identity.emial}", "3:14: identity.emial: no such field; did you mean identity.email?"},
		{"a: one\n  two ${identity.emial}", "2:18: identity.emial: no such field; did you mean identity.email?"},
		{"ä: ü ${identity.emial}", "1:17: identity.emial: no such field; did you mean identity.email?"},
		{"a: ${x ? 'y' : 'z'}", "1:4: mapping value is not allowed in this context; put the whole value in double quotes: \"${…}\""},

		{"iss: 1\nb: 2\nsub?: 3", "1:1: iss cannot be set here\n3:1: sub cannot be set here"},
		{"a: 1\nb: 2\na?: 3", "3:1: a is here twice, first in line 1"},
		{"a: &x 1\nb: *x", "1:4: anchors and aliases are not allowed; write the value out\n2:4: anchors and aliases are not allowed; write the value out"},
		{"a: 1\n<<: {b: 2}", "2:1: merge keys are not allowed; \"...\": ${…} adds the members of a map"},
		{"a: !!str 1", "1:4: tags are not allowed"},
		{"a: .nan", "1:4: .nan is no JSON number"},
		{"a: 017", "1:4: 017: readers of YAML do not agree on this number; write it as JSON does, or in quotes if it is text"},
		{"a: 1e3", "1:4: 1e3: readers of YAML do not agree on this number; write it as JSON does, or in quotes if it is text"},
		{"a: 99999999999999999999", "1:4: 99999999999999999999: readers of YAML do not agree on this number; write it as JSON does, or in quotes if it is text"},
		{"a: .5", "1:4: .5: readers of YAML do not agree on this number; write it as JSON does, or in quotes if it is text"},
		{"${client.id}: 1", "1:1: a name cannot hold an expression; \"...\": ${…} adds members whose names are computed"},
		{"? a\n: 1", "1:1: a MappingKey cannot be a name; put it in quotes"},
		{"\"...\": 1", "1:8: ... takes one expression that gives a map"},
		{"a: 1\n---\nb: 2", "3:1: more than one document"},
		{"- 1", "1:1: a mapping of names to values is wanted"},
		{"${identity.claims}", "1:1: a mapping of names to values is wanted"},

		{"a: ${" + long + "}", "1:6: an expression of more than 1000 characters"},
		{"a: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "1:20: nested more than 16 deep"},
		{"a: [" + strings.Repeat("1, ", 1200) + "]", "1:2999: more than 1000 values"},
		{"a: ${identity.groups.map(g, identity.groups.filter(h, g == h))}", "1:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: ${lists.range(1000).map(x, lists.range(1000))}", "1:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: 1\nb: ${identity.claims.x.map(a, identity.claims.x.map(b, identity.claims.x.map(c, a + b + c)))}", "2:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: ${identity.claims.x.exists(a, identity.claims.y.exists(b, a == b))}", "1:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: ${lists.range(4000000000)}", "1:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: ${[[1, 2]]" + strings.Repeat(".map(a, a + a)", 30) + "}", "1:6: the expression may run long: it repeats what it is given up to N times, allowed are 1000; let the plugin compute it"},
		{"a: ${[0]" + strings.Repeat(".map(a, [a, a])", 30) + ".map(a, a == a)}", "1:6: the expression may run long: it repeats what it is given up to N times, allowed are 1000; let the plugin compute it"},
		{"a: \"${[0]" + strings.Repeat(".map(a, {'l': a, 'r': a})", 12) + "}\"", "1:7: the expression may run long: it repeats what it is given up to N times, allowed are 1000; let the plugin compute it"},
		{"a: ${identity.name.matches('((a{10}){10}){9}')}", "1:28: regex program size N exceeds limit of 1000"},
		{"a: ${'%.1000000000f'.format([ratio])}", "1:28: could not parse formatting clause: error while parsing precision: precision 1000000000 exceeds maximum allowed precision 100"},
		{"a: ${'" + strings.Repeat("%s", 11) + "'.format([" + strings.Repeat("any, ", 10) + "any])}", "1:6: the expression may run long: its cost is up to N, allowed are 200000; a list within a list multiplies: look once, or let the plugin compute it"},
		{"a: ${" + strings.Repeat("(", 60) + "1" + strings.Repeat(")", 60) + "}", "1:6: expression recursion limit exceeded: 50"},
		{"a: ${" + strings.Repeat("[", 60) + "1" + strings.Repeat("]", 60) + "}", "1:6: expression recursion limit exceeded: 50"},
		{"a: ${any" + strings.Repeat(".a", 400) + "}", "1:6: max recursion depth exceeded"},
	} {
		_, err := shape.CompileText([]byte(test.text), env, shape.Mapping(), shape.Reserve("iss", "sub"))
		got := "no fault"
		if err != nil {
			got = upTo.ReplaceAllString(err.Error(), "$1 N")
		}
		if got != test.want {
			t.Errorf("%.200s\n got %s\nwant %s", test.text, got, test.want)
		}
	}
}

func TestTotalCostIsBounded(t *testing.T) {
	var text strings.Builder
	for i := range 10 {
		text.WriteString(strings.Repeat("a", i+1) + ": ${identity.groups.distinct()}\n")
	}
	_, err := shape.CompileText([]byte(text.String()), env)
	if err == nil || !strings.HasPrefix(err.Error(), "8:13: the expressions up to this one may run long") {
		t.Errorf("got %v", err)
	}
}

func TestTextIsBounded(t *testing.T) {
	_, err := shape.CompileText([]byte("# "+strings.Repeat("x", shape.MaxText)), env)
	if err == nil || err.Error() != "1:1: the text is longer than 65536 bytes" {
		t.Errorf("got %v", err)
	}
}

// What an operator writes is no bomb: the bounds leave room.
func TestUsualExpressionsAreNotRefused(t *testing.T) {
	for _, expression := range []string{
		"identity.groups.filter(g, g.startsWith('app-')).map(g, g.substring(4))",
		"identity.claims.accounts.transformMapEntry(i, a, {string(a.id): {'name': a.name, 'role': a.role, 'owner': a.?owner.orValue('')}})",
		"identity.groups.map(g, {'id': g, 'name': g, 'kind': g.startsWith('x') ? 'app' : 'group'})",
		"identity.claims.x" + strings.Repeat(".filter(a, a != 1)", 20),
		"identity.claims.x" + strings.Repeat(".map(a, a == 1 ? a : a)", 12),
		"'%s (%s, %d)'.format([identity.name, identity.email, size(identity.units)])",
		"sets.intersects(identity.groups, ['a', 'b', 'c'])",
	} {
		if _, err := shape.CompileText([]byte("a: \"${"+expression+"}\""), env); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}
