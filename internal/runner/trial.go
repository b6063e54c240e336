package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// trial is one setup on one fresh store: prepare, drive, measure, finish. What its users share they
// only read; the exceptions are the count of sweeps, which a sweeper writes twice a sweep, and the
// room for histories, of which users take a page at a time.
//
// Users do not ask which kind of store, ids, counting or run they have: the system, the drivers and
// the audit's rules are chosen in prepare. One type of user for each kind of trial was rejected: the
// loops over the tape would differ in a few lines and have to be kept equal for the measurement.
type trial struct {
	setup     setup
	ctx       context.Context
	subject   Subject
	system    system // under test
	unaudited bool   // a probe of the harness, which stores nothing
	remote    bool   // operations may fail because of the connection, which is not a violation
	rules     audit.Rules
	counted   scenarios.Properties // of operations that count as changes
	found     audit.Findings

	sessions  slots  // without those that belong to single users
	hot       uint32 // the slot of the busiest session; noSlot: not known
	users     users
	recording recordingPlan

	phases   phases
	meter    meter
	arrivals *arrivals // nil: a closed loop
	times    *histograms
	series   *series   // nil: none, and before the barrier
	unserved userStats // of visits that arrived and were not started
	observer *observer // nil: operations are not observed
	slices   *slicer   // nil: the whole trial is one time slice
	sweep    sweepCount
	swept    sweepLog
	end      ending
	made     atomic.Int64 // sessions that the preloaders have created
}

// phases are the parts of a trial on its clock. They change only while no user is busy.
type phases struct {
	base        time.Time // when the barrier opened: the trial's clock starts
	from, until int64     // the window on that clock
	limit       int64     // when operations of the window are no longer awaited; forever in a closed loop
	rest        int64     // when users rest on that clock: at the window's end, or at the end of a time slice
}

// now is the trial's clock: nanoseconds since the barrier opened.
func (p *phases) now() int64 { return int64(time.Since(p.base)) }

// contains reports whether a time lies in the window.
func (p *phases) contains(t int64) bool { return t >= p.from && t <= p.until }

// began reports whether an operation that was intended at t belongs to the window.
func (p *phases) began(t int64) bool { return t >= p.from && t < p.until }

// overlap is how much of the time from start to end lies in the window.
func (p *phases) overlap(start, end int64) int64 {
	return max(0, min(end, p.until)-max(start, p.from))
}

// ending is why and how a trial ends early.
type ending struct {
	started     bool                  // the barrier has been passed, or will not be
	stopped     atomic.Bool           // the run is aborted
	unavailable atomic.Pointer[error] // why a target no longer responds
	abandoned   bool                  // a user is stuck inside the store
}

// forever is a number of visits, and a time, that no trial reaches.
const forever = math.MaxInt64

// noSlot is the number of no slot.
const noSlot = math.MaxUint32

// runTrial opens a store and drives it through s. The trial's figures are complete when err is nil. What a store did wrong
// besides what the audit finds is a violation. A ctx that ends gives its error; nothing is left behind but what a store
// that hangs keeps.
func runTrial(ctx context.Context, subject Subject, s setup) (result.Trial, error) {
	tr, err := prepare(ctx, subject, s)
	if err != nil {
		return result.Trial{}, err
	}
	defer tr.cleanUp()
	defer tr.observer.end()
	if tr.setup.waits() || tr.setup.ramped() {
		if err := tr.startClock(); err != nil {
			return result.Trial{}, tr.abort(err)
		}
		defer tr.meter.clock.Stop()
	}
	if err := tr.observer.begin(); err != nil {
		return result.Trial{}, tr.abort(err)
	}
	window, err := tr.drive()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w", subject.Label, s.scenario.Name, err)
		tr.publishFailure(err)
		return result.Trial{}, tr.abort(err)
	}
	tr.observer.stop()
	figures, err := tr.finish(window)
	if err == nil && tr.observer != nil {
		figures.Explanation, err = tr.observer.explanation()
	}
	if err != nil {
		return result.Trial{}, tr.abort(err)
	}
	return figures, nil
}

// startClock starts the clock of the users' waits.
func (tr *trial) startClock() (err error) {
	if tr.meter.clock, err = wait.Start(); err != nil {
		return err
	}
	for _, u := range tr.users.active {
		u.waiter = tr.meter.clock.NewWaiter()
	}
	return nil
}

// prepare does everything up to the barrier: a fresh store, users, sessions, garbage collection.
func prepare(ctx context.Context, subject Subject, s setup) (*trial, error) {
	s.scenario = subject.scenario(s.scenario)
	tr := &trial{setup: s, ctx: ctx, subject: subject, hot: noSlot, unaudited: subject.Strategy.Harness}
	tr.system = &storeSystem{trial: tr}
	if subject.Target != nil {
		tr.system = &targetSystem{trial: tr, target: subject.Target}
		tr.setup.work, tr.setup.hold, tr.setup.spin = nil, 0, 0 // the target works under its locks
	}
	tr.times = newHistograms(s.times())
	tr.unserved = userStats{times: batch{to: tr.times}}
	tr.meter.system = tr.system
	if s.every > 0 {
		tr.observer = newObserver(tr)
	}
	tr.remote = subject.remote()
	if s.tape != nil && s.tape.Busiest > 0 && !s.scenario.OwnSessions {
		tr.hot = s.tape.Hot
	}
	tr.rules = audit.Rules{
		Contents: s.contents, Users: s.scenario.Users + 1, Fields: s.scenario.Fields,
		ByVersion: s.scenario.ByVersion(), Target: subject.Target != nil, Sweeps: s.scenario.Sweeps(),
	}
	tr.counted = tr.rules.Counted()
	tr.found.OK, tr.found.Skipped = true, tr.unaudited
	if err := tr.makeSlots(); err != nil {
		return nil, err
	}
	if err := tr.system.open(); err != nil {
		return nil, tr.failStart(fmt.Errorf("%s: %w", subject.Label, err))
	}
	err := tr.prepareSessions()
	if err != nil {
		err = tr.failStart(tr.abort(err))
	} else if err = tr.setup.part.publishStart(tr.ctx, startMessage{IDs: tr.sessions.ids}); err != nil {
		err = tr.abort(err)
	}
	if err != nil {
		tr.cleanUp()
		return nil, err
	}
	runtime.GC()
	return tr, nil
}

// prepareSessions makes the users and the initial sessions.
func (tr *trial) prepareSessions() error {
	tr.makeUsers()
	if err := tr.guarded("connecting the users", tr.connect); err != nil {
		return err
	}
	return tr.withProgress(func() error { return tr.guarded("preparing sessions", tr.preload) })
}

// guarded calls do, which uses a store that may fail, panic or hang. See [guarded].
func (tr *trial) guarded(what string, do func() error) error {
	return guarded(tr.ctx, tr.watch(), what, do)
}

// abort closes the store after err, unless the store hangs: then it is abandoned.
func (tr *trial) abort(err error) error {
	tr.end.abandoned = stuck(err)
	if !tr.end.abandoned {
		w := tr.watch()
		w.patience = grace / goroutine.UndecidedAfter
		_ = guarded(context.Background(), w, "close", tr.close)
	}
	return err
}

// close closes the users' drivers and the store.
func (tr *trial) close() error {
	var err error
	for _, u := range tr.users.all() {
		if u.driver != nil {
			err = errors.Join(err, u.driver.Close())
			u.driver = nil
		}
	}
	return errors.Join(err, tr.system.close())
}

// cleanUp removes what the system leaves outside the process.
func (tr *trial) cleanUp() { tr.system.cleanUp(tr.end.abandoned) }
