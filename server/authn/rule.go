package authn

import "time"

// Limit is how many failures are let through.
type Limit struct {
	Failures int
	Window   time.Duration
}

// Limits are what a Throttle goes by. The zero value of each means its default.
type Limits struct {
	// Person bounds the failures for one person from one address: 4 in 15 min.
	// All addresses that are not known share one more than that, and all that
	// are known share as many. So within any window a directory sees at most
	// 2×Failures+1 failures for a person, and one more for each further replica.
	Person Limit
	// Address bounds the failures of one address, whoever is meant: 100 in 15 min.
	Address Limit
	// Client bounds the failures that one client passes on: 1000 in 15 min.
	Client Limit
	// Organisations says that people of the same name in two organisations are
	// two people to every plugin. Otherwise an organisation that a plugin
	// ignores would be a way around the limit of its person.
	Organisations bool
}

func (l Limits) withDefaults() Limits {
	or := func(l *Limit, failures int) {
		if l.Failures == 0 {
			l.Failures = failures
		}
		if l.Window == 0 {
			l.Window = 15 * time.Minute
		}
	}
	or(&l.Person, 4)
	or(&l.Address, 100)
	or(&l.Client, 1000)
	return l
}

// secretFactor is how many more failures than a person's the holder of a
// secret may have that nobody can guess: an API key, a client secret.
const secretFactor = 10

// rule says how long to wait after so many failures. A strict one forgets
// nothing before its window has passed without a failure, and its longest wait
// is the window: so in any window there are at most limit failures. A leaky one
// forgets evenly, limit in a window.
type rule struct {
	limit  int
	free   int // failures without a wait
	window time.Duration
	leak   time.Duration // 0: strict
}

func strict(limit, free int, window time.Duration) rule {
	return rule{limit: limit, free: min(free, limit-1), window: window}
}

func leaky(limit int, window time.Duration) rule {
	return rule{limit: limit, window: window, leak: max(time.Millisecond, window/time.Duration(limit))}
}

// wait returns how long after the last of so many failures, which was since
// ago, another attempt has to wait still; not positive for not at all.
func (r rule) wait(failures int, since time.Duration) time.Duration {
	switch {
	case since >= r.window:
		return 0
	case r.leak > 0:
		return time.Duration(failures-r.limit+1)*r.leak - since
	case failures <= r.free:
		return 0
	}
	left := min(31, max(0, r.limit-failures)) // a quarter of the window, a sixteenth …
	return r.window>>(2*left) - since
}

// left returns how many more failures there may be at once.
func (r rule) left(failures int, since time.Duration) int {
	if since >= r.window {
		return r.limit
	}
	return max(1, r.limit-failures)
}
