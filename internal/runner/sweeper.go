package runner

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// sweepCount is odd during a sweep. Without a sweeper it is never written, so that reading it costs nothing.
type sweepCount struct {
	_ [64]byte
	n atomic.Uint32
	_ [64]byte
}

// startSweeper has expired sessions removed until the returned function is called.
func (tr *trial) startSweeper() (stop func() error) {
	if !tr.rules.Sweeps || !tr.setup.part.first() {
		return func() error { return nil }
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		defer tr.users.sweeper.recovered()
		tick := time.NewTicker(tr.setup.scenario.SweepEvery())
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if tr.end.stopped.Load() {
					return
				}
				tr.users.sweeper.clean()
			case <-quit:
				return
			}
		}
	}()
	return func() error { close(quit); <-gone; return nil }
}

// clean is one sweep.
func (u *user) clean() {
	tr := u.trial
	start := tr.phases.now()
	if start >= tr.phases.until {
		return
	}
	u.opStart = start
	tr.sweep.n.Add(1)
	err := u.expire(tr.setup.scenario.SweepIdle())
	tr.sweep.n.Add(1)
	end := tr.phases.now()
	u.recording.sweepEnded(len(u.ledger.Final), end)
	if err != nil {
		u.explain(scenarios.Sweep, 0, err)
	}
	if start >= tr.phases.from {
		u.stats.ops[scenarios.Sweep].record(end - start)
	}
}

// expire removes every session that was not used for idle.
func (u *user) expire(idle time.Duration) error {
	u.request.Op, u.request.Idle = scenarios.Sweep, idle
	err := u.driver.Do(context.Background(), &u.request, &u.effect)
	if err == nil {
		u.ledger.Swept += u.effect.Removed
	}
	return err
}

// sweepAll removes every session and records the final states. Of a sweep whose response was lost there are none.
func (tr *trial) sweepAll() error {
	u := tr.users.preloaders[0]
	u.opStart = tr.phases.now()
	return tr.untilAnswered(func() error {
		err := u.expire(0)
		if tr.remote && errors.Is(err, manager.ErrIndeterminate) {
			u.indeterminate(scenarios.Sweep, manager.ID{})
			tr.found.Partial = "an answer was lost while the sessions left at the end were taken"
		}
		return err
	})
}
