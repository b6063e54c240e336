package runner

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// startSweeper has expired sessions removed until the returned function is called.
func (tr *trial) startSweeper() (stop func() error) {
	if !tr.sweeps || !tr.part.first() {
		return func() error { return nil }
	}
	quit, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		defer tr.sweeper.recovered()
		tick := time.NewTicker(tr.scenario.SweepEvery())
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if tr.stopped.Load() {
					return
				}
				tr.sweeper.clean()
			case <-quit:
				return
			}
		}
	}()
	return func() error { close(quit); <-gone; return nil }
}

// sweepTTL is how long after its last use a session is swept. At a day's end every session that was used before is.
func (tr *trial) sweepTTL() time.Duration {
	if tr.scenario.DayEnd {
		return 1
	}
	return tr.scenario.TTL
}

// clean is one sweep.
func (u *user) clean() {
	tr := u.trial
	start := u.now()
	if start >= tr.until {
		return
	}
	u.opStart = start
	tr.sweep.Add(1)
	err := u.expire(tr.sweepTTL())
	tr.sweep.Add(1)
	end := u.now()
	u.swept = append(u.swept, sweepEnd{len(u.ledger.Final), end})
	if err != nil {
		u.explain(scenarios.Sweep, 0, err)
	}
	if start >= tr.from {
		u.ops[scenarios.Sweep].record(end - start)
	}
}

// expire removes every session that was not used for idle.
func (u *user) expire(idle time.Duration) error {
	u.request.Op, u.request.Idle = scenarios.Sweep, idle
	err := u.driver.Do(context.Background(), &u.request, &u.effect)
	if err == nil {
		u.trial.audit.swept += u.effect.Removed
	}
	return err
}

// sweepEnd is the end of a sweep, and the number of final states that the sweeper had received by then.
type sweepEnd struct {
	handed int
	at     int64
}
