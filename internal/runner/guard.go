package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Violation is a violation of the contract that ends a trial or a task: the store gets no further trials.
type Violation struct {
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
	Final  bool   `json:"final,omitempty"` // there are no trials even if it was found in preparation for them
}

func (v *Violation) Error() string { return v.Detail }

// errHang means that a store did not return.
var errHang = &Violation{Kind: "hang", Detail: "no end: every goroutine waits for another one, and nothing was completed for a long time " +
	"(a lock that is never released?)"}

// guarded runs fn, which uses a store that may panic, hang, or fail (see [failure]): each of these becomes a violation, unless the contract
// allows it. It waits for fn as long as w sees progress; when ctx ends, a moment longer, and then gives ctx's error. fn is left behind if it
// has not returned by then.
func guarded(ctx context.Context, w watch, what string, fn func() error) error {
	done, err := make(chan struct{}), error(nil)
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = &Violation{Kind: "unexpected error", Detail: fmt.Sprintf("%s: panic: %v", what, p)}
			}
		}()
		if err = fn(); err != nil && ctx.Err() == nil {
			err = failure(what, err)
		}
	}()
	given := w.await(ctx, done)
	switch {
	case given == nil:
		return err
	case ctx.Err() == nil:
		return given
	}
	select {
	case <-done:
		return errors.Join(given, err)
	case <-time.After(grace):
		return errors.Join(given, errLeft)
	}
}

// failure is what follows from the error of an operation outside the measurement. One that the contract allows, such as that the outcome is
// unknown, is no violation, but without the operation there is no trial.
func failure(what string, err error) error {
	detail, kind := fmt.Sprintf("%s: %v", what, err), kindOf(err)
	for _, allowed := range []error{manager.ErrIndeterminate, manager.ErrNotApplied, manager.ErrConflict} {
		if kind == "unexpected error" && errors.Is(err, allowed) {
			return undecided(detail)
		}
	}
	return &Violation{Kind: kind, Detail: detail}
}

func kindOf(err error) string {
	if errors.Is(err, scenarios.ErrUnavailable) {
		return "target gone"
	}
	return "unexpected error"
}

// errLeft means, beside the reason of an abort, that a user is still inside the store.
var errLeft = errors.New("still waiting for the store")

// stuck reports whether err means that a user is still inside the store, so that closing it would hang, too.
func stuck(err error) bool {
	return errors.Is(err, errHang) || errors.Is(err, errNoProgress) || errors.Is(err, errLeft)
}

// grace is how long an aborted run waits for the users to leave the store.
const grace = 2 * time.Second

// trial returns the result of a trial that ended in a violation.
func (v *Violation) trial() result.Trial {
	return result.Trial{Audit: result.Audit{Violations: []result.Violation{{Kind: v.Kind, Detail: v.Detail}}}}
}

// watch distinguishes a store that hangs from a slow one; see [goroutine.Watch].
type watch struct {
	patience time.Duration
	progress func() int64 // grows with everything that is completed
	away     func() bool  // another process has the machine, so that no progress is expected; nil: never
}

// errUndecided means that a trial ended without a result and without a proven violation.
var errUndecided = errors.New("undecided")

// undecided is the reason of an [errUndecided].
type undecided string

func (u undecided) Error() string      { return string(u) }
func (undecided) Is(target error) bool { return target == errUndecided }

// errNoProgress means that a store has made no progress for a long time and is not proven to hang.
var errNoProgress error = undecided("no operation was completed for a long time, although goroutines were at work: " +
	"the store hangs in a loop, or is too slow to be measured")

// await waits for done. It returns errHang or errNoProgress, or the cause of the end of ctx.
func (w watch) await(ctx context.Context, done <-chan struct{}) error {
	err := (&goroutine.Watch{
		Patience: w.patience, Progress: w.progress, Suspended: w.away, Pauses: holdsOrPauses, Harness: waitsForSystem,
	}).Await(ctx, done)
	switch {
	case errors.Is(err, goroutine.ErrHang):
		return errHang
	case errors.Is(err, goroutine.ErrUndecided):
		return errNoProgress
	}
	return err
}

// holdsOrPauses reports whether g holds a session or pauses, as long as the scenario requires.
func holdsOrPauses(g goroutine.Goroutine) bool { return g.Calls("wait.(*Waiter).Wait") }

// waitsForSystem reports whether g is one of the harness's own goroutines that wait for the system.
func waitsForSystem(g goroutine.Goroutine) bool {
	return slices.ContainsFunc([]string{"os/signal.signal_recv", "wait.newAlarm.func1", "child.Watch"}, g.Calls)
}
