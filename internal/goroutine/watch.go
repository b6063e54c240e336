package goroutine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// A Watch tells work that hangs from work that is slow. Progress decides, not time: as long as something is completed from
// time to time, Await waits. Time in which the whole process was suspended does not count.
type Watch struct {
	Patience  time.Duration // without progress, after which a process in which every goroutine waits hangs
	Undecided time.Duration // without progress, after which Await returns although goroutines are at work; 0: UndecidedAfter × Patience
	Progress  func() int64  // grows with everything that is completed

	Suspended func() bool          // no progress is expected at the moment; nil: never
	Pauses    func(Goroutine) bool // g pauses as planned: the time is not counted; nil: none does
	Harness   func(Goroutine) bool // g waits for the system and completes nothing by itself; nil: none
}

// UndecidedAfter is the usual ratio of [Watch].Undecided to Patience.
const UndecidedAfter = 10

// The results of [Watch.Await].
var (
	// ErrHang: nothing was completed, and every goroutine of the process waits for another one.
	ErrHang = errors.New("hang")
	// ErrUndecided: nothing was completed for a long time, but goroutines are at work. An endless loop and a slow machine
	// look alike.
	ErrUndecided = errors.New("undecided")
)

// Await waits for done. It returns nil, [ErrHang], [ErrUndecided], or the cause of the end of ctx.
func (w *Watch) Await(ctx context.Context, done <-chan struct{}) error {
	step := min(max(w.Patience/20, time.Millisecond), time.Second)
	undecided := cmp.Or(w.Undecided, UndecidedAfter*w.Patience)
	tick := time.NewTicker(step)
	defer tick.Stop()
	last, idle := w.Progress(), time.Duration(0)
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if n := w.Progress(); n != last || w.Suspended != nil && w.Suspended() {
			last, idle = n, 0
			continue
		}
		idle += step
		if idle < w.Patience {
			continue
		}
		if w.Pauses != nil && slices.ContainsFunc(All(), w.Pauses) {
			idle = 0
			continue
		}
		err := ErrUndecided
		switch {
		case AllWait(w.Harness):
			err = ErrHang
		case idle < undecided:
			continue
		}
		select {
		case <-done:
			return nil
		default:
			return err
		}
	}
}

// AllWait reports whether every goroutine of the process but the caller's waits for another one, now and a moment later.
// Goroutines of the harness, if not nil, count as waiting. Timers cannot be seen: a goroutine that waits for one waits.
func AllWait(harness func(Goroutine) bool) bool {
	works := func(g Goroutine) bool { return !g.Waits() && (harness == nil || !harness(g)) }
	if slices.ContainsFunc(All()[1:], works) {
		return false
	}
	time.Sleep(3 * time.Millisecond)
	return !slices.ContainsFunc(All()[1:], works)
}
