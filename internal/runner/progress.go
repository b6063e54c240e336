package runner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
)

// watch distinguishes a store that hangs from a slow one; see [goroutine.Watch].
type watch struct {
	patience time.Duration
	progress func() int64 // grows with everything that is completed
	away     func() bool  // another process has the machine, so that no progress is expected; nil: never
}

// errUndecided means that a store has made no progress for a long time and is not proven to hang.
var errUndecided = errors.New("no operation was completed for a long time, although goroutines were at work: " +
	"the store hangs in a loop, or is too slow to be measured")

// await waits for done. It returns errHang or errUndecided, or the cause of the end of ctx.
func (w watch) await(ctx context.Context, done <-chan struct{}) error {
	err := (&goroutine.Watch{
		Patience: w.patience, Progress: w.progress, Suspended: w.away, Pauses: holdsOrPauses, Harness: waitsForSystem,
	}).Await(ctx, done)
	switch {
	case errors.Is(err, goroutine.ErrHang):
		return errHang
	case errors.Is(err, goroutine.ErrUndecided):
		return errUndecided
	}
	return err
}

// holdsOrPauses reports whether g holds a session or pauses, as long as the scenario requires.
func holdsOrPauses(g goroutine.Goroutine) bool { return g.Calls("wait.(*Waiter).Wait") }

// waitsForSystem reports whether g is one of the harness's own goroutines that wait for the system.
func waitsForSystem(g goroutine.Goroutine) bool {
	return slices.ContainsFunc([]string{"os/signal.signal_recv", "wait.newAlarm.func1", "child.Watch"}, g.Calls)
}
