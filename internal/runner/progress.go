package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// watch tells a store that hangs from a slow one. Only progress decides: however long a store takes, as long as something
// is completed from time to time it is waited for.
type watch struct {
	patience time.Duration
	progress func() int64 // grows with everything that is completed
	away     func() bool  // another process has the machine, so that no progress is expected; nil: never
}

// errUndecided says that a store has made no progress for a long time and is not proven to hang.
var errUndecided = errors.New("no operation was completed for a long time, although goroutines were at work: " +
	"the store hangs in a loop, or is too slow to be measured")

// undecidedAfter is after how many times the patience a store without progress is given up although its goroutines are
// at work.
const undecidedAfter = 10

// await waits for done. It returns errHang if nothing was completed for as long as the watch is patient and every
// goroutine of the process waits for another one, and errUndecided if some were at work for ten times as long. Time in
// which the whole process was suspended does not count. When ctx ends it returns the cause.
func (w watch) await(ctx context.Context, done <-chan struct{}) error {
	step := min(max(w.patience/20, time.Millisecond), time.Second)
	tick := time.NewTicker(step)
	defer tick.Stop()
	last, idle := w.progress(), time.Duration(0)
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if n := w.progress(); n != last || w.away != nil && w.away() {
			last, idle = n, 0
			continue
		}
		idle += step
		if idle < w.patience {
			continue
		}
		if harnessWaits() {
			idle = 0
			continue
		}
		err := errUndecided
		switch {
		case standsStill():
			err = errHang
		case idle < undecidedAfter*w.patience:
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

// standsStill reports whether every goroutine of the process waits for another one, now and a moment later. A timer of
// a store's own cannot be seen; the patience has to be longer than any.
func standsStill() bool {
	if slices.ContainsFunc(goroutine.All()[1:], works) {
		return false
	}
	time.Sleep(3 * time.Millisecond)
	return !slices.ContainsFunc(goroutine.All()[1:], works)
}

// harnessWaits reports whether a user holds a session or pauses, which may take as long as was asked for.
func harnessWaits() bool {
	return slices.ContainsFunc(goroutine.All(), func(g goroutine.Goroutine) bool { return g.Calls("wait.(*Waiter).Wait") })
}

// works reports whether g may complete something without another goroutine's help: it runs, sleeps, or waits for the
// system. The harness's own goroutines that wait for the system are none of those.
func works(g goroutine.Goroutine) bool {
	return !g.Waits() && !slices.ContainsFunc([]string{"os/signal.signal_recv", "wait.newAlarm.func1", "cmd.(*app).serve.func1"}, g.Calls)
}
