package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// How much garbage may gather before it is collected. Go lets the heap double,
// which of the few megabytes that a process here uses makes collections many
// and dear. A larger heap doubles, as ever.
const (
	serverHeadroom = 24 << 20 // bytes
	pluginHeadroom = 4 << 20
)

// keepHeadroom lets so much garbage gather, from now on, unless the environment
// says how garbage is collected.
func keepHeadroom(headroom uint64) {
	if os.Getenv("GOGC") == "" {
		adjustHeap(headroom, 100)
	}
}

// adjustHeap sets what the heap may grow by, in percent of what lives, and does
// so again after each collection. Small changes are not worth stopping for.
func adjustHeap(headroom uint64, former int) {
	percent := growth(headroom, scanned())
	if percent < former*7/8 || percent > former*9/8 {
		debug.SetGCPercent(percent)
		former = percent
	}
	runtime.AddCleanup(new([64]byte), func(former int) { adjustHeap(headroom, former) }, former)
}

// growth is the percentage of what lives that makes the headroom. Go takes any
// heap for no smaller than smallest.
func growth(headroom, live uint64) int {
	const smallest = 4 << 20
	return int(max(100, 100*headroom/max(smallest, live)))
}

// scanned is what the last collection found alive, in bytes, as Go's percentage
// counts it.
func scanned() (live uint64) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			live += s.Value.Uint64()
		}
	}
	return live
}
