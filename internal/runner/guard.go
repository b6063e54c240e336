package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// guarded runs fn, which uses a store that may fail, panic or hang: each of these becomes a violation. It waits for fn as long as w
// sees progress; when ctx ends, a moment longer, and then gives ctx's error. fn is left behind if it has not returned by then.
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
			err = &Violation{Kind: kindOf(err), Detail: fmt.Sprintf("%s: %v", what, err)}
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
	return errors.Is(err, errHang) || errors.Is(err, errUndecided) || errors.Is(err, errLeft)
}

// grace is how long an aborted run waits for the users to leave the store.
const grace = 2 * time.Second

// trial returns the result of a trial that ended in a violation.
func (v *Violation) trial() result.Trial {
	return result.Trial{Audit: result.Audit{Violations: []result.Violation{{Kind: v.Kind, Detail: v.Detail}}}}
}
