package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/claimsmith/claimsmith/bench/load"
	"github.com/claimsmith/claimsmith/bench/rig"
)

// runner is one run of the bench.
type runner struct {
	*rig.Rig
	options
	ctx context.Context
	setup
	failed bool
}

// compareAll prints the table, a line as soon as it is known.
func (b *runner) compareAll() error {
	begun := time.Now()
	fmt.Printf("%s; %d connections, runs of %v, medians of %d\n", machine(), connections, b.duration, b.rounds)
	fmt.Printf("others use %.0f %% of the processors before the run\n\n", 100*busy(time.Second))
	if b.wants("start") {
		b.reportStart()
	}
	b.reportRows()
	for _, name := range []string{"memory", "floors"} {
		if b.wants(name) {
			parts[name](b)
		}
	}
	fmt.Printf("\ntook %v\n", time.Since(begun).Round(time.Second))
	if b.failed {
		return errors.New("a run had errors; its row counts for nothing")
	}
	return nil
}

// comparisons is the table of rows, as docs/performance.md has it.
var comparisons = table{32, 28, 5, 13, 13, 6, 7, 6}

func (b *runner) reportRows() {
	header := false
	other := b.otherBuild()
	for _, r := range rows {
		if !b.wants(r.name) {
			continue
		}
		if !header {
			comparisons.head("path", "floor", "ratio", "reach", "p99 ÷ floor's", "µs", "floor's", "noise")
			header = true
		}
		ours, floor, missing := r.sides(b)
		if other != nil && missing == "" {
			r.floor, r.reach = "the other build", 0
			floor, _, missing = r.sides(other)
		}
		if missing != "" {
			comparisons.line(r.path, r.floor, missing)
			continue
		}
		c, err := b.compare(r, ours, floor)
		if err != nil {
			comparisons.line(r.path, r.floor, err.Error())
			b.failed = true
			continue
		}
		comparisons.line(r.path, r.floor, fmt.Sprintf("%.2f", c.ratio), verdict(r, c),
			fmt.Sprintf("%.1f", c.times()), cost(c.cost), cost(c.floorCost), fmt.Sprintf("%.0f %%", 100*c.noise))
	}
}

// otherBuild is a runner of the same paths with the other build of the
// program, on databases of its own; nil if there is none.
func (b *runner) otherBuild() *runner {
	if b.against == "" {
		return nil
	}
	return &runner{Rig: b.With(b.against), options: b.options, ctx: b.ctx}
}

// comparison is what a row came to.
type comparison struct {
	ratio           float64 // the median of the rounds' ratios
	p99, floorP99   time.Duration
	cost, floorCost float64 // processor time of a request in µs
	noise           float64 // how far the floor's rates lie apart
}

func (c comparison) times() float64 { return float64(c.p99) / float64(max(1, c.floorP99)) }

// spare is how many rounds may be lost to errors.
const spare = 2

// compare runs both sides in turn, after a short run of each to warm up.
func (b *runner) compare(r row, ours, floor side) (c comparison, err error) {
	duration := b.duration
	if r.long > 0 {
		duration = time.Duration(r.long * float64(duration))
	}
	for _, s := range []side{ours, floor} {
		if _, err := s(b.duration / 2); err != nil {
			return c, err
		}
	}
	var floors, ratios, costs, floorCosts []float64
	var p99s, floorP99s []time.Duration
	var lost int64
	for range b.rounds + spare {
		x, err1 := ours(duration)
		y, err2 := floor(duration)
		if err := errors.Join(err1, err2, b.ctx.Err()); err != nil {
			return c, err
		}
		if x.Errors+y.Errors > 0 || x.Requests == 0 || y.Requests == 0 {
			lost += x.Errors + y.Errors
			continue
		}
		floors = append(floors, y.Rate())
		ratios = append(ratios, x.Rate()/y.Rate())
		costs, floorCosts = append(costs, x.Cost()), append(floorCosts, y.Cost())
		p99s, floorP99s = append(p99s, x.P99), append(floorP99s, y.P99)
		if len(ratios) == b.rounds {
			break
		}
	}
	if len(ratios) < b.rounds {
		return c, fmt.Errorf("counts for nothing: %d errors", lost)
	}
	return comparison{
		ratio: load.Median(ratios),
		p99:   load.Median(p99s), floorP99: load.Median(floorP99s), noise: load.Spread(floors),
		cost: load.Median(costs), floorCost: load.Median(floorCosts),
	}, nil
}

// verdict is what is to be reached, and whether it was not.
func verdict(r row, c comparison) string {
	switch {
	case r.reach == 0:
		return ""
	case c.ratio < r.reach:
		return fmt.Sprintf("%.2f below", r.reach)
	case r.p99 > 0 && c.times() > r.p99:
		return fmt.Sprintf("%.2f slow p99", r.reach)
	default:
		return fmt.Sprintf("%.2f", r.reach)
	}
}

func rate(perSecond float64) string { return fmt.Sprintf("%.0f", perSecond) }

func cost(micros float64) string {
	if micros == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", micros)
}
