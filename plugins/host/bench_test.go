package host_test

import (
	"sync/atomic"
	"testing"

	"github.com/claimsmith/claimsmith/plugins/host"
)

func BenchmarkAuthenticate(b *testing.B) {
	p := ready(b, config(b, ""))
	r := login("alice")
	b.Run("callers=1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Authenticate(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("callers=64", func(b *testing.B) { parallel(b, p) })
}

// BenchmarkAuthenticatePlain is without TLS on the socket.
func BenchmarkAuthenticatePlain(b *testing.B) {
	c := config(b, "")
	c.NoAutoMTLS = true
	p := ready(b, c)
	b.Run("callers=64", func(b *testing.B) { parallel(b, p) })
}

func parallel(b *testing.B, p *host.Plugin) {
	b.ReportAllocs()
	r := login("alice")
	var next atomic.Int64
	done := make(chan error, 64)
	b.ResetTimer()
	for range 64 {
		go func() {
			for next.Add(1) <= int64(b.N) {
				if _, err := p.Authenticate(b.Context(), r); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 64 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
