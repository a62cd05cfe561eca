package host

import (
	"testing"
	"time"
)

// pauses returns the pauses after n deaths, each of a process that lived so long.
func pauses(n int, lived time.Duration, proved bool) (list []time.Duration) {
	var b backoff
	now := time.Unix(1e9, 0)
	for range n {
		now = now.Add(lived)
		pause := b.next(now, proved)
		list = append(list, pause)
		now = now.Add(pause)
	}
	return list
}

func TestBackoff(t *testing.T) {
	for name, test := range map[string]struct {
		deaths         int
		lived          time.Duration
		proved         bool
		shortest, most time.Duration // of the last pause
	}{
		"first death":                        {1, time.Hour, true, firstDelay / 2, firstDelay},
		"dies now and then":                  {50, time.Second, true, firstDelay / 2, firstDelay},
		"cannot start: ever more rarely":     {50, 0, false, longest / 2, longest},
		"dies at once, having answered some": {50, 0, true, firstDelay, 2 * time.Second},
	} {
		last := pauses(test.deaths, test.lived, test.proved)[test.deaths-1]
		if last < test.shortest || last > test.most {
			t.Errorf("%s: %v, want %v to %v", name, last, test.shortest, test.most)
		}
	}
}

// Many servers that lose the same thing at once do not come back at once.
func TestBackoffIsNotInStep(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		seen[pauses(1, time.Hour, true)[0]] = true
	}
	if len(seen) < 10 {
		t.Errorf("20 pauses after a first death: %v", seen)
	}
}
