package floor

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
)

// step does the work of a floor once.
type step func(ctx context.Context) error

// loops make the floors that are one step alone, without HTTP.
var loops = map[string]func(Config) (step, error){
	"plugin":   newPluginStep,
	"ldap":     newLDAPStep,
	"argon2id": newArgon2Step,
	"bcrypt":   newBcryptStep,
	"sql":      newSQLStep,
}

// Loop does the step of a floor from as many goroutines as callers for a while.
// 0 callers are as many as there are cores.
func Loop(ctx context.Context, name string, c Config, callers int, duration time.Duration) (load.Sample, error) {
	newStep, ok := loops[name]
	if !ok {
		return load.Sample{}, fmt.Errorf("no floor %q", name)
	}
	do, err := newStep(c)
	if err == nil {
		err = do(ctx)
	}
	if err != nil {
		return load.Sample{}, fmt.Errorf("floor %s: %w", name, err)
	}
	if callers == 0 {
		callers = runtime.GOMAXPROCS(0)
	}
	var mu sync.Mutex
	var all []time.Duration
	var sample load.Sample
	begun := time.Now()
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			took, errors := repeat(ctx, do, begun.Add(duration))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			sample.Errors += errors
		})
	}
	group.Wait()
	sample.Seconds = time.Since(begun).Seconds()
	sample.Requests = int64(len(all))
	slices.Sort(all)
	if n := len(all); n > 0 {
		sample.P50, sample.P99 = all[n/2], all[n*99/100]
	}
	return sample, nil
}

// repeat does a step until a time, and returns how long each took that went well.
func repeat(ctx context.Context, do step, until time.Time) (took []time.Duration, errors int64) {
	for {
		begun := time.Now()
		if !begun.Before(until) || ctx.Err() != nil {
			return took, errors
		}
		if do(ctx) != nil {
			errors++
			continue
		}
		took = append(took, time.Since(begun))
	}
}
