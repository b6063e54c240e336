package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// guardTarget calls do, which uses a target that may hang.
func (tr *trial) guardTarget(what string, do func(context.Context) error) error {
	return guarded(tr.ctx, tr.watch(), what, func() error { return do(tr.ctx) })
}

// connect gives every user a connection.
func (tr *trial) connect(ctx context.Context) (err error) {
	for _, u := range tr.allUsers() {
		if u.driver, err = tr.target.Connect(ctx); err != nil {
			return err
		}
		u.progress.Add(1)
		u.request.Kind, u.request.Spin = tr.scenario.Driver, tr.scenario.Spin
		if tr.sweeps {
			u.used = make([]int64, len(u.ids))
		}
		if u.number < tr.scenario.Users {
			u.request.Hold = tr.scenario.Hold
		}
	}
	return nil
}

func (tr *trial) disconnect() error {
	var failed []error
	for _, u := range tr.allUsers() {
		if u != nil && u.driver != nil {
			failed = append(failed, u.driver.Close())
			u.driver = nil
		}
	}
	return errors.Join(failed...)
}

// reportedState returns the final state of a session from the effect of its Delete.
func (u *user) reportedState(id manager.ID, incarnation uint64) finalState {
	s := finalState{
		ID: id, Incarnation: incarnation, N: unknownCount, Others: unknownCount, Kept: unknownKept, since: u.opStart,
	}
	if n, reported := u.changes(); reported {
		s.N = n
	}
	return s
}

// unknownKept is the number of entries of a final state that was not reported.
const unknownKept = -1

// checkMissing adds a violation if a target reports, at t, that a session is missing which no sweep can have removed by then.
// A use may have been recorded up to a tenth of the time-to-live earlier, as session middleware does.
func (u *user) checkMissing(slot uint32, t int64) {
	if u.used != nil && t < u.used[slot]+int64(u.trial.sweepTTL())*9/10 {
		u.addViolation(fmt.Errorf("%w: it is not found %v after its last use", errTooSoon, time.Duration(t-u.used[slot])))
	}
}

// emptyTarget reads and removes every session that should be in the target at the end, and checks that none is left. The
// users do it concurrently, each for a share of the sessions.
func (tr *trial) emptyTarget() error {
	left := tr.remaining()
	err := forEach(len(tr.users), func(i int) (err error) {
		for at := i; at < len(left) && err == nil && tr.ctx.Err() == nil; at += len(tr.users) {
			err = tr.users[i].drain(left[at])
		}
		return err
	})
	if tr.ctx.Err() != nil {
		return context.Cause(tr.ctx)
	}
	if err != nil {
		return err
	}
	if err := tr.censusTarget(); err != nil {
		return err
	}
	return errors.Join(tr.target.Reset(tr.ctx), tr.disconnect())
}

// remaining returns the sessions that were created and not removed. Under each reused id there may be one.
func (tr *trial) remaining() (left []creation) {
	if tr.reusesIDs {
		for _, id := range tr.ids {
			left = append(left, creation{ID: id})
		}
		return left
	}
	final, all := map[uint64]bool{}, tr.userLedgers()
	for _, a := range all {
		for _, e := range a.Ledger.Final {
			final[e.Incarnation] = true
		}
	}
	for _, a := range all {
		for _, b := range a.Ledger.Created {
			if !final[b.Incarnation] {
				left = append(left, b)
			}
		}
	}
	return left
}

// drain reads and deletes one session. A session that is not found, before the read or between the read and the delete,
// gets no final state; the audit decides whether it was removed as it should be.
func (u *user) drain(of creation) error {
	u.progress.Add(1)
	q, e := &u.request, &u.effect
	q.ID, u.opStart = of.ID, u.now()
	if q.Op = scenarios.History; u.trial.byVersion {
		q.Op = scenarios.Read
	}
	ask := func() error { return u.driver.Do(u.trial.ctx, q, e) }
	err := u.trial.untilAnswered(ask)
	if errors.Is(err, manager.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if u.trial.reusesIDs {
		of.Incarnation = u.reportedIncarnation(of.ID)
	}
	last := u.reportedState(of.ID, of.Incarnation)
	last.Kept = 0
	if u.trial.byVersion {
		u.trial.audit.endFields(&last, e.Fields, u.trial.scenario.Fields)
	} else {
		u.trial.audit.endMessages(&last, e.Messages)
	}
	q.Op = scenarios.Delete
	tries := 0
	err = u.trial.untilAnswered(func() error { tries++; return ask() })
	switch missing := errors.Is(err, manager.ErrNotFound); {
	case missing && tries == 1:
		return nil
	case err != nil && !missing: // a repeated delete finds nothing where an earlier try has removed the session
		return err
	}
	u.ledger.Final = append(u.ledger.Final, last)
	return nil
}

// censusTarget makes sure that nothing is kept for sessions that are gone.
func (tr *trial) censusTarget() error {
	census, err := tr.target.Census(tr.ctx)
	switch {
	case errors.Is(err, scenarios.ErrUnsupported):
		return nil
	case err != nil:
		return err
	}
	if census.Sessions != 0 && !tr.hasIndeterminate() {
		tr.audit.violate("sessions left", manager.ID{}, "the target counts %d sessions after all were removed", census.Sessions)
	}
	if census.Locks != 0 && !tr.hasIndeterminate() {
		tr.audit.violate("locks left", manager.ID{}, "%d locks are kept after all sessions were removed", census.Locks)
	}
	return nil
}

// hasIndeterminate reports whether any operation is indeterminate, so that there may be sessions that no ledger holds.
func (tr *trial) hasIndeterminate() bool {
	return slices.ContainsFunc(tr.userLedgers(), func(a userLedger) bool { return len(a.Ledger.Indeterminates) > 0 })
}

// noIncarnations is the reason of an audit without a verdict.
const noIncarnations = "the target reports no incarnations, so that sessions under one id cannot be distinguished"

// spentByTarget returns the usage of the target's processes so far, zero where it is not known.
func (tr *trial) spentByTarget() scenarios.TargetUsage {
	m, ok := tr.target.(scenarios.UsageReporter)
	if !ok {
		return scenarios.TargetUsage{}
	}
	spent, _ := m.Usage() // fails on systems that do not report it
	return spent
}
