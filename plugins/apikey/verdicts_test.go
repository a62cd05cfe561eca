package apikey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/claimsmith/claimsmith/plugins/sdk"
)

// oracle answers for a service, and counts.
type oracle struct {
	mu     sync.Mutex
	asked  int
	answer func(text string) (*Record, error)
	takes  time.Duration
}

func (o *oracle) ask(ctx context.Context, text string) (*Record, error) {
	o.mu.Lock()
	o.asked++
	answer := o.answer
	o.mu.Unlock()
	select {
	case <-time.After(o.takes):
		return answer(text)
	case <-ctx.Done():
		return nil, sdk.Unavailable(ctx.Err())
	}
}

func good(string) (*Record, error) { return &Record{Owner: Owner{Subject: "robot"}}, nil }

func down(string) (*Record, error) { return nil, sdk.Unavailable(errors.New("down")) }

// asks returns how many questions it takes to find a key.
func asks(t *testing.T, v *verdicts, o *oracle, text, want string) int {
	t.Helper()
	before := o.asked
	_, err := v.find(t.Context(), text)
	got := "ok"
	switch {
	case errors.Is(err, sdk.ErrUnknown):
		got = "unknown"
	case errors.Is(err, sdk.ErrDenied):
		got = "denied"
	case err != nil:
		got = "unavailable"
	}
	if got != want {
		t.Errorf("%s is %s (%v), want %s", text, got, err, want)
	}
	return o.asked - before
}

func seconds(n float64) *duration {
	d := duration(n * float64(time.Second))
	return &d
}

func TestAnswersAreRememberedForTheirTime(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		answer func(string) (*Record, error)
		want   string
		fresh  time.Duration // so long no question is asked
	}{
		"good":               {Config{Cache: seconds(60)}, good, "ok", time.Minute},
		"good, by default":   {Config{}, good, "ok", 10 * time.Second},
		"not at all":         {Config{Cache: seconds(0)}, good, "ok", 0},
		"unknown":            {Config{CacheRefused: seconds(5)}, func(string) (*Record, error) { return nil, sdk.ErrUnknown }, "unknown", 5 * time.Second},
		"denied, by default": {Config{}, func(string) (*Record, error) { return nil, sdk.Denied(sdk.Locked) }, "denied", 2 * time.Second},
		"refused, never":     {Config{CacheRefused: seconds(0)}, func(string) (*Record, error) { return nil, sdk.ErrUnknown }, "unknown", 0},
		"unavailable, never": {Config{Cache: seconds(60)}, down, "unavailable", 0},
		"to the end of the key": {Config{Cache: seconds(60)}, func(string) (*Record, error) {
			return &Record{Expires: time.Now().Add(time.Second)}, nil
		}, "ok", time.Second},
		"beyond the end of the key": {Config{Cache: seconds(60)}, func(string) (*Record, error) {
			return &Record{Expires: time.Now().Add(-time.Second)}, nil
		}, "ok", 2 * time.Second}, // and is refused each time by Record.admit
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &oracle{answer: test.answer}
				v := newVerdicts(test.config, o.ask)
				if n := asks(t, v, o, "key", test.want); n != 1 {
					t.Errorf("the first time there are %d questions", n)
				}
				if test.fresh > 0 {
					time.Sleep(test.fresh - time.Millisecond)
					if n := asks(t, v, o, "key", test.want); n != 0 {
						t.Errorf("a moment before %v there are %d questions", test.fresh, n)
					}
					if n := asks(t, v, o, "another", test.want); n != 1 {
						t.Errorf("for another key there are %d questions", n)
					}
					time.Sleep(time.Millisecond)
				}
				if n := asks(t, v, o, "key", test.want); n != 1 {
					t.Errorf("after %v there are %d questions", test.fresh, n)
				}
			})
		})
	}
}

func TestANewAnswerReplacesTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{answer: good}
		v := newVerdicts(Config{StaleIfError: *seconds(600)}, o.ask)
		asks(t, v, o, "key", "ok")
		time.Sleep(time.Minute)
		o.answer = func(string) (*Record, error) { return nil, sdk.Denied(sdk.Disabled) }
		asks(t, v, o, "key", "denied")
		o.answer = down
		time.Sleep(time.Minute)
		asks(t, v, o, "key", "unavailable") // a key that was revoked is never let in by an older answer
		o.answer = good
		asks(t, v, o, "key", "ok")
	})
}

func TestOneQuestionForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{answer: good, takes: time.Second}
		v := newVerdicts(Config{}, o.ask)
		hasty, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { // who asked first gives up, and the others need not ask again
			if _, err := v.find(hasty, "key"); !errors.Is(err, sdk.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who gave up: %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			all.Go(func() {
				if r, err := v.find(t.Context(), "key"); err != nil || r.Owner.Subject != "robot" {
					t.Errorf("%v, %v", r, err)
				}
			})
		}
		all.Wait()
		if o.asked != 1 {
			t.Errorf("%d questions", o.asked)
		}
	})
}

func TestAQuestionHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{answer: good, takes: time.Hour}
		v := newVerdicts(Config{Timeout: *seconds(2)}, o.ask)
		begin := time.Now()
		asks(t, v, o, "key", "unavailable")
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestStaleAnswersOnlyWhereSwitchedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &oracle{answer: good}
		v := newVerdicts(Config{Cache: seconds(10)}, o.ask)
		asks(t, v, o, "key", "ok")
		o.answer = down
		time.Sleep(10 * time.Second)
		asks(t, v, o, "key", "unavailable")

		o.answer = good
		v = newVerdicts(Config{Cache: seconds(10), StaleIfError: *seconds(60)}, o.ask)
		asks(t, v, o, "key", "ok")
		time.Sleep(10 * time.Second)
		o.answer = down
		if n := asks(t, v, o, "key", "ok"); n != 1 {
			t.Errorf("%d questions before an old answer is used", n)
		}
		if n := asks(t, v, o, "key", "ok"); n != 0 {
			t.Errorf("%d questions at once after one that failed", n)
		}
		asks(t, v, o, "unseen", "unavailable")
		time.Sleep(59 * time.Second)
		asks(t, v, o, "key", "ok")
		time.Sleep(time.Second)
		asks(t, v, o, "key", "unavailable")
	})
}

func TestGuessesPushOutNoGoodKey(t *testing.T) {
	o := &oracle{answer: good}
	v := newVerdicts(Config{CacheKeys: 10, Cache: seconds(3600), CacheRefused: seconds(3600)}, o.ask)
	asks(t, v, o, "key", "ok")
	o.answer = func(string) (*Record, error) { return nil, sdk.ErrUnknown }
	for n := range 1000 {
		asks(t, v, o, fmt.Sprint("guess-", n), "unknown")
	}
	if n := asks(t, v, o, "key", "ok"); n != 0 {
		t.Errorf("%d questions for a key that is remembered", n)
	}
	if n := v.refused.len(); n > 10 {
		t.Errorf("%d guesses are remembered", n)
	}
}

func TestAPanicFailsOneQuestion(t *testing.T) {
	o := &oracle{answer: func(string) (*Record, error) { panic("with the key") }}
	v := newVerdicts(Config{}, o.ask)
	asks(t, v, o, "key", "unavailable")
	o.answer = good
	asks(t, v, o, "key", "ok")
}
