package main

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

func TestGrowthOfTheHeap(t *testing.T) {
	for _, tt := range []struct {
		live uint64 // megabytes
		want int
	}{{0, 600}, {4, 600}, {6, 400}, {24, 100}, {1000, 100}} {
		if got := growth(24<<20, tt.live<<20); got != tt.want {
			t.Errorf("%d MB live: %d %%, want %d", tt.live, got, tt.want)
		}
	}
}

func TestServerKeepsHeadroomUnlessToldOtherwise(t *testing.T) {
	for gogc, within := range map[string][2]float64{"": {200, 600}, "90": {90, 90}} {
		t.Setenv("GOGC", gogc)
		listen := freeAddress(t)
		p := start(t, newSite(t, listen, "", ""), listen)
		p.await("a heap that grows as it should", func() bool {
			percent := p.gogc()
			return within[0] <= percent && percent <= within[1]
		})
		p.stop()
	}
}

// gogc is by how many percent the server's heap grows before it is collected.
func (p *program) gogc() (percent float64) {
	resp, err := http.Get(p.Admin + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if m := regexp.MustCompile(`(?m)^go_gc_gogc_percent (.*)$`).FindSubmatch(text); m != nil {
		percent, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	return percent
}
