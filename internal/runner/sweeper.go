package runner

import (
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// sweepCount is odd during a sweep. Without a sweeper it is never written, so that reading it costs nothing.
type sweepCount struct {
	_ [64]byte
	n atomic.Uint32
	_ [64]byte
}

// sweepLog notes the sessions that sweeps of a store left. The sweeper writes it, and the sweep at the end of the trial.
type sweepLog struct {
	start     time.Time // of the trial
	completed []audit.Swept
	left      []audit.Left
}

// removed notes a session that the present sweep removes, if the last completed one left it although it was idle.
func (l *sweepLog) removed(id manager.ID, last *manager.Session, idle time.Duration) {
	if n := len(l.completed); n > 0 && time.Duration(l.completed[n-1].Began-last.Touched) >= idle {
		l.left = append(l.left, audit.Left{ID: id, Touched: last.Touched, Removed: time.Since(l.start)})
	}
}

// mostAdjusted is how far the system's clock may be adjusted in a trial whose sweeps are checked.
const mostAdjusted = 10 * time.Millisecond

// adjusted reports whether the system's clock, by which sessions are idle, was set during the trial.
func (l *sweepLog) adjusted() bool {
	now := time.Now()
	by := now.Round(0).Sub(l.start.Round(0)) - now.Sub(l.start)
	return max(by, -by) > mostAdjusted
}

// checkSweeps checks that no sweep left a session that was idle.
//
// A sweep may leave out a session that an operation holds, so it must be certain that none did. An operation that had recorded a use held the
// session no longer than the longest operation of the trial. A read that does not record one has found a use that was at most a tenth of the
// time-to-live old; one that is about to record it does so within the longest operation. Operations before the window and those of a remote
// store, which may get no response, are not timed.
func (tr *trial) checkSweeps() {
	if tr.remote || tr.setup.warmup > 0 || tr.swept.adjusted() {
		return
	}
	var all []timeOf
	for op := range opKinds {
		if op%scenarios.NumOps != scenarios.Sweep {
			all = append(all, responseOf(op))
		}
	}
	const rounding = 1.01 // of histograms
	longest := time.Duration(rounding * float64(tr.times.sum(all...).histogram.Max()))
	sc := tr.setup.scenario
	tr.found.CheckSweeps(tr.swept.completed, tr.swept.left, max(sc.SweepIdle(), longest+sc.TTL/10)+mostAdjusted, longest)
}

// startSweeper has expired sessions removed until the returned function is called.
func (tr *trial) startSweeper() (stop func() error) {
	tr.swept.start = time.Now()
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
	began := time.Now().UnixNano()
	err := u.expire(tr.setup.scenario.SweepIdle())
	if err == nil {
		began = min(began, time.Now().UnixNano()) // the clock may be set back
		tr.swept.completed = append(tr.swept.completed, audit.Swept{Began: began, Ended: time.Since(tr.swept.start)})
	}
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
