package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine says what the numbers were taken on.
func machine() string {
	model := runtime.GOARCH
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%s, %d processors, shared with the load generator; %s, %s", model, runtime.NumCPU(), runtime.Version(), runtime.GOOS)
}

// busy is which part of the processors' time is used during d by whoever.
func busy(d time.Duration) float64 {
	idle1, all1 := ticks()
	time.Sleep(d)
	idle2, all2 := ticks()
	if all2 == all1 {
		return 0
	}
	return 1 - float64(idle2-idle1)/float64(all2-all1)
}

// ticks reads the first line of /proc/stat; where there is none nothing is known.
func ticks() (idle, all int64) {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(line) {
		n, _ := strconv.ParseInt(field, 10, 64)
		if i == 4 || i == 5 { // idle, waiting for I/O
			idle += n
		}
		if i <= 8 {
			all += n
		}
	}
	return idle, all
}
