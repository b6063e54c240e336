package runner

import (
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Nothing is measured before and after the window, so requests without a response from a remote store are repeated there.

// again is the pause before that, and lenient how long it goes on.
const (
	again   = 20 * time.Millisecond
	lenient = 10 * time.Second
)

// untilAnswered calls do until it is answered, within reason.
func (tr *trial) untilAnswered(do func() error) error {
	for end := time.Now().Add(min(lenient, tr.patience)); ; {
		err := do()
		if err == nil || !tr.remote || !unanswered(err) || errors.Is(err, scenarios.ErrUnavailable) || tr.ctx.Err() != nil || time.Now().After(end) {
			return err
		}
		tr.sleep(again)
	}
}

// prepare does an operation before the barrier.
func (u *user) prepare(op scenarios.Op, slot uint32) error {
	defer u.progress.Add(1)
	return u.trial.untilAnswered(func() error {
		err := u.doBefore(op, slot)
		if u.trial.remote && errors.Is(err, manager.ErrIndeterminate) {
			u.explain(op, slot, err)
		}
		return err
	})
}

// sweepAll removes every session and records the final states. Of a sweep whose response was lost there are none.
func (tr *trial) sweepAll() error {
	return tr.untilAnswered(func() error {
		err := tr.preloader.expire(0)
		if tr.remote && errors.Is(err, manager.ErrIndeterminate) {
			tr.preloader.ledger.Indeterminates = append(tr.preloader.ledger.Indeterminates, indeterminate{Op: scenarios.Sweep})
			tr.audit.found.Partial = "an answer was lost while the sessions left at the end were taken"
		}
		return err
	})
}
