package rig

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of /proc/PID/stat, the same on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU is the processor time that processes and their children have used so
// far. Where there is no /proc it is 0.
func CPU(pids ...int) (sum time.Duration) {
	for _, pid := range pids {
		sum += used(pid)
		for _, child := range children(pid) {
			sum += used(child)
		}
	}
	return sum
}

func used(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// The name, in parentheses, may hold anything; utime and stime are the
	// fields 14 and 15, the 12th and 13th after it.
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	system, _ := strconv.ParseInt(f[12], 10, 64)
	return time.Duration(user+system) * tick
}
