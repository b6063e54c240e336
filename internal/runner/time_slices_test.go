package runner

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// counting is a subject whose operations are counted, as they begin.
func counting(count *atomic.Int64, first func()) Subject {
	return bend(func(b *bent) {
		store := b.SessionStore
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			count.Add(1)
			first()
			return store.Update(ctx, id, fn)
		}
		b.view = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			count.Add(1)
			return store.View(ctx, id, fn)
		}
	})
}

// takingTurns samples a short trial.
func takingTurns(ctx context.Context, t *testing.T, of Subject, sliceGate *TimeSlices) (*result.Document, error) {
	t.Helper()
	s := small(t, "chatbot")
	s.Hold = 0
	return Sample(ctx, Config{
		Subjects: []Subject{of}, Scenarios: []scenarios.Scenario{s}, Seed: DefaultSeed,
		Warmup: 4 * time.Millisecond, Window: 12 * time.Millisecond, TimeSlices: sliceGate,
	})
}

// Between the time slices of a process its users do nothing, and its clock stands still.
func TestTimeSlices(t *testing.T) {
	var ops atomic.Int64
	var said []bool
	away := 20 * time.Millisecond // longer than the whole trial: were the clock to run on, nothing would be done in the window
	doc, err := takingTurns(t.Context(), t, counting(&ops, func() {}), &TimeSlices{
		Length: 2 * time.Millisecond,
		Over:   func(finished bool) error { said = append(said, finished); return nil },
		Next: func() error {
			before := ops.Load()
			time.Sleep(away)
			if after := ops.Load(); after != before {
				t.Errorf("%d operations while it was another's turn", after-before)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	trial := doc.Results[0].Trials[0]
	if !trial.Audit.OK || trial.Ops == 0 || trial.BytesPerSession == 0 {
		t.Errorf("%+v", trial)
	}
	// The clock may run over the end of a turn, on a slow machine far over it, and no turn is shorter than its length.
	if sliceGate := len(said) - 1; sliceGate < 1 || sliceGate > 8+1 {
		t.Errorf("%d turns of 2 ms for 16 ms", sliceGate)
	}
	if trial.ElapsedNs != int64(12*time.Millisecond) {
		t.Errorf("a window of %v", time.Duration(trial.ElapsedNs))
	}
	if last := len(said) - 1; !said[last] || slices.Contains(said[:last], true) {
		t.Errorf("finished was said in %v", said)
	}
}

// A time slice that does not begin ends the trial with the reason, wherever it happens.
func TestTimeSlicesThatDoNotCome(t *testing.T) {
	gone := errors.New("gone")
	for _, test := range []struct {
		why  string
		over bool // yielding fails
		at   int
		long time.Duration // is a time slice
	}{
		{"before the first", false, 0, time.Millisecond},
		{"before the first, and it is over when the users wake up", false, 0, time.Nanosecond},
		{"later", false, 2, time.Millisecond},
		{"the last yield fails", true, 1, time.Millisecond},
	} {
		var ops atomic.Int64
		reportEffect, next := 0, 0
		_, err := takingTurns(t.Context(), t, counting(&ops, func() {}), &TimeSlices{
			Length: test.long,
			Over: func(bool) error {
				if reportEffect++; test.over && reportEffect > test.at {
					return gone
				}
				return nil
			},
			Next: func() error {
				if next++; !test.over && next > test.at {
					return gone
				}
				return nil
			},
		})
		if !errors.Is(err, gone) {
			t.Errorf("%s: got %v", test.why, err)
		}
	}
}

// A run that is given up does not wait for its turn.
func TestTimeSlicesAborted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	turn := make(chan struct{})
	defer close(turn) // or the goroutine that waits for it would leak
	var ops atomic.Int64
	_, err := takingTurns(ctx, t, counting(&ops, func() {}), &TimeSlices{
		Length: time.Millisecond,
		Over:   func(bool) error { cancel(enough); return nil },
		Next:   func() error { <-turn; return nil },
	})
	if !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}

// A user that a store's panic ended is not waited for.
func TestTimeSlicesAfterAPanic(t *testing.T) {
	var ops atomic.Int64
	var once atomic.Bool
	doc, err := takingTurns(t.Context(), t, counting(&ops, func() {
		if ops.Load() > 2000 && once.CompareAndSwap(false, true) {
			panic("at once")
		}
	}), &TimeSlices{Length: time.Millisecond, Over: func(bool) error { return nil }, Next: func() error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if once.Load() && doc.Results[0].Trials[0].Audit.OK {
		t.Error("the panic is in no audit")
	}
}
