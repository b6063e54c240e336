package runner

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/driver"
	"github.com/sessbench/sessbench/internal/scratch"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// system is the system under test of one trial: a store in this process, or a target outside it.
type system interface {
	// open makes a fresh store, or empties the target.
	open() error

	// connect returns a user's driver. work is done under the lock of each update; it may be nil.
	connect(u *user, work manager.Work) (scenarios.Conn, error)

	// ended records in u's ledger the final state of a session that u's last operation removed.
	// Drivers of stores have recorded it before.
	ended(u *user)

	// empty removes every session, records the final states, and checks that none is left.
	empty() error

	// close closes the store. Drivers are closed before.
	close() error

	// cleanUp removes what is left after close, or without it after a store was abandoned.
	cleanUp(abandoned bool)

	// usage is what the target's processes have used so far; zero where it is not known.
	usage() scenarios.TargetUsage
}

// storeSystem is a store in this process, with boards where the scenario uses them.
type storeSystem struct {
	trial  *trial
	store  manager.SessionStore[manager.Session]
	boards *manager.Brainstorming
	dirs   *scratch.Dir // the boards' directories; nil: none
}

// boardsPrefix begins the names of the boards' directories.
const boardsPrefix = "sessbench-boards-"

func (s *storeSystem) open() (err error) {
	if s.store, err = s.trial.subject.Strategy.Open(s.trial.subject.Params); err != nil {
		return err
	}
	if s.trial.setup.scenario.Driver != scenarios.BoardDriver {
		return nil
	}
	if s.dirs, err = scratch.Make(boardsPrefix); err == nil {
		s.boards, err = manager.NewBrainstorming(s.store, s.dirs.Path())
	}
	if err != nil {
		err = s.trial.abort(err)
		s.cleanUp(false)
	}
	return err
}

func (s *storeSystem) connect(u *user, work manager.Work) (scenarios.Conn, error) {
	store := s.store
	if per, ok := store.(strategies.PerUser[manager.Session]); ok {
		store = per.User()
	}
	removed := u.removed
	if s.trial.unaudited {
		removed = func(manager.ID, manager.Session) {}
	}
	seen := s.trial.observer.of(u)
	store = seen.store(store)
	wrap := func(c scenarios.Conn) scenarios.Conn { return seen.conn(s.trial.labelled(u, c)) }
	sc := s.trial.setup.scenario
	opts := []manager.Option{
		manager.WithWork(work), manager.WithTTL(sc.TTL), manager.OnRemove(removed),
	}
	switch sc.Driver {
	case scenarios.ChatDriver:
		return wrap(driver.NewChat(store, opts...)), nil
	case scenarios.BoardDriver:
		return wrap(driver.NewBoard(s.boards.Over(store, opts...))), nil
	}
	return wrap(driver.NewStore(store, u.number(), work, removed)), nil
}

// removed records a session's final state. A driver of a store calls it for each session that it removes.
func (u *user) removed(id manager.ID, last manager.Session) {
	if idle := time.Since(time.Unix(0, last.Touched)); u == u.trial.users.sweeper && idle < u.trial.setup.scenario.SweepIdle() {
		u.violate("lost session", tooSoon, "was swept", idle)
	}
	if tr := u.trial; tr.rules.Sweeps && u.request.Op == scenarios.Sweep {
		tr.swept.removed(id, &last, tr.setup.scenario.SweepIdle())
	}
	u.progress.Add(1)
	e := u.trial.rules.Ended(id, &last, u.scratch)
	e.Since = u.opStart
	u.ledger.Final = append(u.ledger.Final, e)
}

func (s *storeSystem) ended(*user) {}

func (s *storeSystem) empty() error {
	tr := s.trial
	if err := tr.sweepAll(); err != nil {
		return err
	}
	if s.dirs != nil {
		if left, _ := os.ReadDir(s.dirs.Path()); len(left) > 0 {
			tr.found.Violate("directories left", manager.ID{},
				"%d directories of sessions that are gone, the first is %s", len(left), left[0].Name())
		}
	}
	n := 0
	err := tr.untilAnswered(func() (err error) {
		n, err = s.store.Len(context.Background())
		return err
	})
	if tr.unanswered(err) {
		tr.found.Partial = "whether sessions are left was not answered"
		return nil
	}
	if err != nil || n != 0 {
		tr.found.Violate("sessions left", manager.ID{},
			"the store counts %d sessions after all were removed (error: %v)", n, err)
	}
	if c, ok := s.store.(manager.CensusReporter); ok {
		if left := c.Census(); left.Sessions != 0 || left.Locks != 0 {
			tr.found.Violate("locks left", manager.ID{},
				"%d sessions and %d locks are kept after all sessions were removed", left.Sessions, left.Locks)
		}
	}
	return nil
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

// expire removes every session that was not used for idle.
func (u *user) expire(idle time.Duration) error {
	u.request.Op, u.request.Idle = scenarios.Sweep, idle
	err := u.driver.Do(context.Background(), &u.request, &u.effect)
	if err == nil {
		u.ledger.Swept += u.effect.Removed
	}
	return err
}

func (s *storeSystem) close() error { return s.store.Close() }

// cleanUp removes the boards' directories. A store that kept sessions has kept their directories, too.
func (s *storeSystem) cleanUp(abandoned bool) {
	if s.boards != nil && !abandoned {
		_ = s.boards.Close() // fails because the store is closed
	}
	if s.dirs != nil {
		_ = s.dirs.Remove() // the next process tries again
	}
}

func (s *storeSystem) usage() scenarios.TargetUsage { return scenarios.TargetUsage{} }

// targetSystem is a target, which a run uses for all of its trials.
type targetSystem struct {
	trial  *trial
	target scenarios.Target
}

func (s *targetSystem) open() error {
	if !s.trial.setup.part.first() {
		return nil
	}
	return s.trial.guarded("reset", func() error { return s.target.Reset(s.trial.ctx) })
}

func (s *targetSystem) connect(u *user, work manager.Work) (scenarios.Conn, error) {
	sc := s.trial.setup.scenario
	u.request.Kind, u.request.Spin = sc.Driver, sc.Spin
	if u.works() {
		u.request.Hold = sc.Hold
	}
	if sc.Sweeps() {
		u.slots.used = make([]int64, len(u.slots.ids))
	}
	c, err := s.target.Connect(s.trial.ctx)
	if err != nil {
		return nil, err
	}
	return s.trial.observer.of(u).conn(s.trial.labelled(u, driver.NewTarget(c, s.trial.rules.IDs != nil))), nil
}

func (s *targetSystem) ended(u *user) {
	if !s.trial.unaudited {
		u.ledger.Final = append(u.ledger.Final, u.reportedState())
	}
}

// empty has the users read and remove every session that should be in the target, concurrently, each
// a share of the sessions. Then it checks that nothing is kept for sessions that are gone.
func (s *targetSystem) empty() error {
	tr := s.trial
	left := s.remaining()
	err := forEach(len(tr.users.active), func(i int) (err error) {
		for at := i; at < len(left) && err == nil && tr.ctx.Err() == nil; at += len(tr.users.active) {
			err = tr.users.active[i].drain(left[at])
		}
		return err
	})
	if tr.ctx.Err() != nil {
		return context.Cause(tr.ctx)
	}
	if err != nil {
		return err
	}
	census, err := s.target.Census(tr.ctx)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported):
	case err != nil:
		return err
	case tr.users.haveIndeterminate(): // there may be sessions that no ledger holds
	default:
		if census.Sessions != 0 {
			tr.found.Violate("sessions left", manager.ID{},
				"the target counts %d sessions after all were removed", census.Sessions)
		}
		if census.Locks != 0 {
			tr.found.Violate("locks left", manager.ID{},
				"%d locks are kept after all sessions were removed", census.Locks)
		}
	}
	return s.target.Reset(tr.ctx)
}

// remaining returns the sessions that were created and not removed. Under each reused id there may be one.
func (s *targetSystem) remaining() (left []manager.ID) {
	if ids := s.trial.rules.IDs; ids != nil {
		return ids
	}
	final, all := map[uint64]bool{}, s.trial.users.ledgers()
	for _, l := range all {
		for _, e := range l.Final {
			final[e.Incarnation] = true
		}
	}
	for _, l := range all {
		for _, c := range l.Created {
			if !final[c.Incarnation] {
				left = append(left, c.ID)
			}
		}
	}
	return left
}

func (s *targetSystem) close() error { return nil } // the target is the caller's

func (s *targetSystem) cleanUp(bool) {}

func (s *targetSystem) usage() scenarios.TargetUsage {
	m, ok := s.target.(scenarios.UsageReporter)
	if !ok {
		return scenarios.TargetUsage{}
	}
	spent, _ := m.Usage() // fails on systems that do not report it
	return spent
}

// drain reads and deletes one session of a target. A session that is not found, before the read or
// between the read and the delete, gets no final state; the audit decides whether it was removed as
// it should be.
func (u *user) drain(id manager.ID) error {
	u.progress.Add(1)
	tr, q := u.trial, &u.request
	q.ID, u.opStart = id, tr.phases.now()
	if q.Op = scenarios.History; tr.rules.ByVersion {
		q.Op = scenarios.Read
	}
	ask := func() error { return u.driver.Do(tr.ctx, q, &u.effect) }
	err := tr.untilAnswered(ask)
	if errors.Is(err, manager.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	last := u.reportedState()
	tr.rules.Keep(&last, &u.effect)
	q.Op = scenarios.Delete
	tries := 0
	err = tr.untilAnswered(func() error { tries++; return ask() })
	switch missing := errors.Is(err, manager.ErrNotFound); {
	case missing && tries == 1:
		return nil
	case err != nil && !missing: // a repeated delete finds nothing where an earlier try has removed the session
		return err
	}
	u.ledger.Final = append(u.ledger.Final, last)
	return nil
}

// reportedState returns the final state of a session from the effect of the last operation.
func (u *user) reportedState() audit.Final {
	f := u.trial.rules.Reported(u.request.ID, &u.effect)
	f.Incarnation, f.Since = u.incarnation(), u.opStart
	return f
}

// tooSoon describes a session that was removed while it was in use.
const tooSoon = "removed before its time: it %s %v after its last use"

// checkMissing adds a violation if a target reports, at t, that a session is missing which no sweep can have removed by then.
func (u *user) checkMissing(slot uint32, t int64) {
	if u.slots.used != nil && !u.mayBeSwept(slot, t) {
		u.violate("lost session", tooSoon, "is not found", time.Duration(t-u.slots.used[slot]))
	}
}

// mayBeSwept reports whether the last confirmed use of a session is so long ago at t that a sweep may have removed it. A use may
// have been recorded up to a tenth of the time-to-live earlier, as session middleware does.
func (u *user) mayBeSwept(slot uint32, t int64) bool {
	return time.Duration(t-u.slots.used[slot]) >= u.trial.setup.scenario.SweepIdle()*9/10
}

// noteUse records that the last operation used a session of a swept target. A read that ends when the session may be swept
// confirms no use: the sweep may come between the read and its record of the use, and the read returns what it has found.
func (u *user) noteUse(slot uint32, does scenarios.Properties) {
	e := &u.effect
	if does.Have(scenarios.Mints|scenarios.Mutates) || e.Created || e.Uses > 0 || !u.mayBeSwept(slot, u.trial.phases.now()) {
		u.slots.used[slot] = u.opStart
	}
}
