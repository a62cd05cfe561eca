package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
)

// Rig is what everything of one run belongs to. It plays the test for
// internal/servertest: what needs more of a testing.TB than is here panics.
type Rig struct {
	testing.TB
	Program string // the executable of claimsmith
	Self    string // our own, for floors and plugins

	ctx      context.Context
	dir      string
	cleanups *[]func()
}

// failure is what Fatal panics with, for Run to return.
type failure struct{ error }

// ErrMissing is that something which the run needs is not installed.
var ErrMissing = errors.New("missing")

// Run calls f with a new Rig and takes down afterwards what f has set up. Its
// error is that of f, or says what is missing, or what could not be set up.
func Run(ctx context.Context, program string, f func(*Rig) error) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r := &Rig{Program: program, Self: self, ctx: ctx, cleanups: new([]func())}
	defer func() {
		if v := recover(); v != nil {
			failed, ok := v.(failure)
			if !ok {
				panic(v)
			}
			err = failed
		}
	}()
	defer r.takeDown()
	if r.dir, err = os.MkdirTemp("", "claimsmith-bench-"); err != nil {
		return err
	}
	r.Cleanup(func() { os.RemoveAll(r.dir) })
	return f(r)
}

func (r *Rig) takeDown() {
	for _, f := range slices.Backward(*r.cleanups) {
		f()
	}
}

// With returns the same rig for another build of the program.
func (r *Rig) With(program string) *Rig {
	other := *r
	other.Program = program
	return &other
}

// Sub returns a new directory of the rig.
func (r *Rig) Sub(name string) string {
	dir, err := os.MkdirTemp(r.dir, name+"-")
	r.Check(err)
	return dir
}

// Check ends the run where there is an error.
func (r *Rig) Check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// The part of testing.TB that internal/servertest uses.

// Context ends when the run does.
func (r *Rig) Context() context.Context { return r.ctx }

// Helper does nothing.
func (r *Rig) Helper() {}

// Cleanup calls f at the end, what was given last first.
func (r *Rig) Cleanup(f func()) { *r.cleanups = append(*r.cleanups, f) }

// Fatal ends the run.
func (r *Rig) Fatal(args ...any) { panic(failure{errors.New(fmt.Sprint(args...))}) }

// Fatalf ends the run.
func (r *Rig) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// Skipf ends the run: something is not installed.
func (r *Rig) Skipf(format string, args ...any) {
	panic(failure{fmt.Errorf("%w: %s", ErrMissing, fmt.Sprintf(format, args...))})
}

// Error tells of something that went wrong while the run was taken down.
func (r *Rig) Error(args ...any) { fmt.Fprintln(os.Stderr, args...) }
