package load

import (
	"cmp"
	"slices"
	"time"
)

// Sample is one run of load.
type Sample struct {
	Requests int64
	Seconds  float64
	Errors   int64 // of the network, answers other than 2xx and 3xx, and timeouts
	P50, P99 time.Duration
	CPU      time.Duration // that the server used, where it is known
}

// Rate is requests per second.
func (s Sample) Rate() float64 {
	if s.Seconds == 0 {
		return 0
	}
	return float64(s.Requests) / s.Seconds
}

// Cost is the processor time of one request in microseconds, 0 if it is not known.
func (s Sample) Cost() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.CPU.Microseconds()) / float64(s.Requests)
}

// Median returns the middle value, the upper one of an even number, and the zero value of none.
func Median[T cmp.Ordered](values []T) (middle T) {
	if len(values) == 0 {
		return middle
	}
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// Spread is how far the values lie apart, as a part of their median.
func Spread(values []float64) float64 {
	if m := Median(values); m > 0 {
		return (slices.Max(values) - slices.Min(values)) / m
	}
	return 0
}
