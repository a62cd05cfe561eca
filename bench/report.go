package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
	"github.com/claimsmith/claimsmith/internal/servertest"
)

// What to reach beside the ratios.
const (
	serverAtRest, serverUnderLoad, pluginMemory = 45, 90, 30 // megabytes
	demoStart, databaseStart                    = 400 * time.Millisecond, 600 * time.Millisecond
)

// reportFloors tells how fast each floor is that no row shows alone.
func (b *runner) reportFloors() {
	b.server() // the database that sql reads
	fmt.Println("\nfloors alone, per second")
	for _, f := range []struct {
		name string
		side side
	}{
		{"hello", b.floorSide("hello")},
		{"plugin", b.alone("plugin", connections)},
		{"sql", b.alone("sql", connections)},
		{"bcrypt", b.alone("bcrypt", 0)},
	} {
		sample, err := f.side(b.duration)
		if err == nil && sample.Errors > 0 {
			err = fmt.Errorf("counts for nothing: %d errors", sample.Errors)
		}
		if err != nil {
			fmt.Printf("%-10s %v\n", f.name, err)
			b.failed = true
			continue
		}
		fmt.Printf("%-10s %s\n", f.name, rate(sample.Rate()))
	}
}

// reportStart tells how long the process takes from its start to its first token.
func (b *runner) reportStart() {
	site := b.NewSite("start", servertest.PostgreSQL(b.Rig), rig.Options{Issuers: []string{"people"}})
	var demo, database []time.Duration
	for range b.rounds {
		demo = append(demo, b.Demo())
		server := site.Serve()
		server.Stop()
		database = append(database, server.Start)
	}
	starts := table{34, 8, 12}
	starts.head("process start to first token", "median", "reach")
	within := func(what string, took []time.Duration, limit time.Duration) {
		m := load.Median(took)
		starts.line(what, m.Round(time.Millisecond).String(), atMost(m, limit, limit.String()))
	}
	within("demo, an empty directory", demo, demoStart)
	within("PostgreSQL, migrated", database, databaseStart)
	fmt.Println()
}

// memoryOf reads the memory of a server and its plugins, a moment after it started.
func (b *runner) memoryOf(s *rig.Server) []rig.Memory {
	time.Sleep(time.Second)
	m, err := rig.MemoryOf(s.PID)
	b.Check(err)
	return m
}

// reportMemory tells what the shared server held before the load and at most since.
func (b *runner) reportMemory() {
	s := b.server()
	loaded := b.memoryOf(s.Server)
	fmt.Println()
	memories := table{16, 7, 8, 4, 3, 4, 8}
	memories.head("memory, MB", "at rest", "reach", "part", "own", "peak", "reach")
	for _, m := range slices.SortedFunc(slices.Values(loaded), byName) {
		reachRest, reachPeak := float64(pluginMemory), float64(pluginMemory)
		if m.Name == "server" {
			reachRest, reachPeak = serverAtRest, serverUnderLoad
		}
		rest := m
		if i := slices.IndexFunc(s.rest, func(r rig.Memory) bool { return r.Name == m.Name }); i >= 0 {
			rest = s.rest[i]
		}
		memories.line(m.Name, rate(rest.Now), atMost(rest.Now, reachRest, rate(reachRest)), rate(rest.Part), rate(rest.Own), rate(m.Peak), atMost(m.Peak, reachPeak, rate(reachPeak)))
	}
}

func byName(a, b rig.Memory) int { return strings.Compare(a.Name, b.Name) }

// atMost is what is to be reached, and whether it was not.
func atMost[T cmp.Ordered](value, limit T, text string) string {
	if value > limit {
		return text + " above"
	}
	return text
}
