package main

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// counted is what a replica holds when nobody asks it anything.
type counted struct {
	goroutines  int
	files       int // of the server
	pluginFiles int // of its plugins together
	plugins     int // processes
	connections int // to the database, of both replicas
	heap        int // live bytes
	rss         int // bytes, of the server and its plugins
}

func (c counted) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d plugins with %d files, %d connections to the database, heap %.1f MB, RSS %.1f MB",
		c.goroutines, c.files, c.plugins, c.pluginFiles, c.connections, float64(c.heap)/1e6, float64(c.rss)/1e6)
}

// count makes everybody rest and counts.
func (s *soak) count(when string) (c counted) {
	s.Helper()
	s.rest.Lock()
	defer s.rest.Unlock()
	s.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	s.collect()
	c = s.countNow()
	for range 50 { // until what ends has ended
		time.Sleep(100 * time.Millisecond)
		before := c
		if c = s.countNow(); c.goroutines == before.goroutines && c.files == before.files && c.plugins == 2 {
			break
		}
	}
	s.Logf("%s: %s", when, c)
	return c
}

func (s *soak) countNow() (c counted) {
	text := getText(s.T, s.stays.Admin+"/metrics")
	c.goroutines = metric(text, "go_goroutines")
	// The goal of the next collection is twice what the last one left.
	c.heap = metric(text, "go_memstats_next_gc_bytes") / 2
	pid := s.stays.cmd.Process.Pid
	c.files, c.rss = openFiles(pid), residentBytes(pid)
	for _, plugin := range childrenOf(pid) {
		c.plugins++
		c.pluginFiles += openFiles(plugin)
		c.rss += residentBytes(plugin)
	}
	c.connections = s.postgres.Connections()
	return c
}

// collect has the server collect its garbage, which it does if one asks it often
// enough: twice, for what the first one only lets go.
func (s *soak) collect() {
	collections := func() int { return metric(getText(s.T, s.stays.Admin+"/metrics"), "go_gc_duration_seconds_count") }
	for want := collections() + 2; collections() < want; {
	}
}

// compare reports what has grown by more than what comes and goes: connections that a
// pool need not have had at first, and the memory of passwords that are being hashed.
func (s *soak) compare(warm, end counted) {
	s.Helper()
	for _, tt := range []struct {
		what       string
		warm, end  int
		more, most int
	}{
		{"goroutines", warm.goroutines, end.goroutines, 10, math.MaxInt},
		{"open files of the server", warm.files, end.files, soakConns, math.MaxInt},
		{"open files of the plugins", warm.pluginFiles, end.pluginFiles, 2 * soakConns, math.MaxInt},
		{"plugins", warm.plugins, end.plugins, 0, 2},
		{"connections to the database", warm.connections, end.connections, math.MaxInt / 2, 2 * (3*soakConns + 1)},
		{"bytes of heap", warm.heap, end.heap, warm.heap/2 + 4<<20, math.MaxInt},
		{"bytes of memory", warm.rss, end.rss, warm.rss/2 + 64<<20, math.MaxInt},
	} {
		if tt.end > min(tt.warm+tt.more, tt.most) {
			s.Errorf("%s: %d at the end, %d when warm", tt.what, tt.end, tt.warm)
		}
	}
}

// metric returns the value of a metric without labels, -1 for none.
func metric(text, name string) int {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			f, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int(f)
		}
	}
	return -1
}

func openFiles(pid int) int {
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	return len(files)
}

func residentBytes(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// childrenOf returns the processes that a process has started.
func childrenOf(pid int) (children []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}
