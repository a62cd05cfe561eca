package host_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
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
	before := ticks(p.Status().PID) + ticks(os.Getpid())
	defer func() {
		used := ticks(p.Status().PID) + ticks(os.Getpid()) - before
		b.ReportMetric(float64(used)*10_000/float64(b.N), "cpu-µs/op")
	}()
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

// ticks is the processor time that a process has used, in hundredths of a
// second; 0 where there is no /proc.
func ticks(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(string(fields[11]))
	system, _ := strconv.Atoi(string(fields[12]))
	return user + system
}
