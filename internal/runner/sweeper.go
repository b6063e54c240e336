package runner

import (
	"sync/atomic"
	"time"

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
		u.noteError(scenarios.Sweep, 0, err)
	}
	if start >= tr.phases.from {
		u.stats.times.add(responseOf(scenarios.Sweep), end-start)
	}
}
