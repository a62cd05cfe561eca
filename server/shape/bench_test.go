package shape_test

import (
	"testing"

	"github.com/claimsmith/claimsmith/server/shape"
)

const typical = `
name: ${identity.name}
email?: ${identity.email}
org: ${identity.organisation}
units: ${identity.units}
contact: ${identity.username} at ${client.id}
roles: ${identity.groups.map(g, g.lowerAscii())}
`

func BenchmarkAppendJSON(b *testing.B) {
	for _, bench := range []struct{ name, text string }{
		{"typical", typical},
		{"literal", "a: 1"},
		{"path", "a: ${identity.email}"},
		{"claim", "a: ${identity.claims.level}"},
		{"text", "a: ${identity.username}@${client.id}"},
		{"time", "a: ${string(token.expires.unix())}"},
		{"default", "a: ${identity.claims.?title.orValue('none')}"},
		{"condition", "a: \"${'north' in identity.units ? 'N' : 'S'}\""},
		{"comprehension", "a: ${identity.groups.map(g, g.lowerAscii())}"},
		{"accounts", "a: \"${identity.claims.accounts.map(a, {'id': a.id, 'name': a.id, 'role': a.role})}\""},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s, err := shape.CompileText([]byte(bench.text), env)
			if err != nil {
				b.Fatal(err)
			}
			v, buf := alice(), make([]byte, 0, 1024)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.AppendJSON(buf, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := shape.CompileText([]byte(typical), env); err != nil {
			b.Fatal(err)
		}
	}
}
