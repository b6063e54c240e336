package runner

import (
	"context"
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Before the window and after it nothing is measured, and so what a remote store did not answer is asked again.

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
	defer u.beats.Add(1)
	return u.trial.untilAnswered(func() error {
		err := u.doBefore(op, slot)
		if u.trial.remote && errors.Is(err, manager.ErrIndeterminate) {
			u.explain(op, slot, err)
		}
		return err
	})
}

// sweepAll removes every session and has the last states noted. What a sweep removed whose answer was lost, nobody was
// handed.
func (tr *trial) sweepAll(ctx context.Context) error {
	return tr.untilAnswered(func() (err error) {
		if tr.board != nil {
			_, err = tr.keeper.board.ExpireIdle(ctx, 0)
		} else {
			_, err = tr.store.Sweep(ctx, func(manager.ID, *manager.Session) bool { return true }, tr.keeper.handedOver)
		}
		if tr.remote && errors.Is(err, manager.ErrIndeterminate) {
			tr.keeper.ledger.doubts = append(tr.keeper.ledger.doubts, doubt{op: scenarios.Sweep})
			tr.audit.found.Partial = "an answer was lost while the sessions left at the end were taken"
		}
		return err
	})
}
