package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// targetDriver is one user's driver of a target: a connection, and its current request and effect.
type targetDriver struct {
	conn      scenarios.Conn
	q         scenarios.Request
	a         scenarios.Effect
	ambiguous bool // the target did not report incarnations where they distinguish sessions under one id

	used []int64 // by slot, where sessions are swept: the trial's clock when the last use that was confirmed began
}

// guardTarget calls do, which uses a target that may hang.
func (tr *trial) guardTarget(what string, do func(context.Context) error) error {
	return guarded(tr.ctx, tr.watch(), what, func() error { return do(tr.ctx) })
}

// connect gives every user a connection.
func (tr *trial) connect(ctx context.Context) error {
	for _, u := range tr.allUsers() {
		conn, err := tr.target.Connect(ctx)
		if err != nil {
			return err
		}
		u.driver.conn = conn
		u.progress.Add(1)
		u.driver.q = scenarios.Request{Kind: tr.scenario.Driver, Spin: tr.scenario.Spin}
		if tr.sweeps {
			u.driver.used = make([]int64, len(u.ids))
		}
		if u.number < tr.scenario.Users {
			u.driver.q.Hold = tr.scenario.Hold
		}
	}
	return nil
}

func (tr *trial) disconnect() error {
	var failed []error
	for _, u := range tr.allUsers() {
		if u != nil && u.driver.conn != nil {
			failed = append(failed, u.driver.conn.Close())
			u.driver.conn = nil
		}
	}
	return errors.Join(failed...)
}

// doTarget does an operation on a target.
func (u *user) doTarget(op scenarios.Op, slot uint32, size int) error {
	q, a := &u.driver.q, &u.driver.a
	q.Op, q.ID = op, u.ids[slot]
	switch op {
	case scenarios.Append:
		q.Role, q.Content = u.write(size)
	case scenarios.Update:
		_, text := u.write(size)
		for _, f := range u.trial.scenario.Fields {
			u.fields[f] = text
		}
		q.Fields = u.fields
	}
	if q.Hold > 0 && u.trial.stopped.Load() {
		q.Hold = 0
	}
	err := u.driver.conn.Do(context.Background(), q, a)
	if op == scenarios.Create {
		u.created(slot, a.ID, err)
		if err == nil && (a.ID.Version() != 4 || a.ID.Variant() != uuid.RFC4122) && !u.trial.unaudited {
			u.addViolation(fmt.Errorf("%w: %v is no random (version 4) UUID", errWeakID, a.ID))
		}
		if err == nil && u.driver.used != nil {
			u.driver.used[slot] = u.opStart
		}
		return err
	}
	if err != nil || u.trial.unaudited {
		return err
	}
	if u.driver.used != nil {
		u.driver.used[slot] = u.opStart
	}
	switch op {
	case scenarios.Append, scenarios.Update:
		u.noteRemoteHold(a)
		u.noteWrite(slot, u.lastWord)
	case scenarios.Touch:
		if u.trial.byVersion {
			u.noteWrite(slot, 0)
		}
	case scenarios.GetOrCreate:
		if incarnation := u.incarnationIn(slot); a.Created {
			u.ledger.created = append(u.ledger.created, creation{q.ID, incarnation})
		}
	case scenarios.Delete:
		u.ledger.final = append(u.ledger.final, u.reportedState(q.ID, u.incarnationIn(slot)))
		u.clearSlot(slot)
	case scenarios.Read:
		if len(a.Fields) > 0 {
			u.noteTorn(a.Fields)
		}
	}
	return nil
}

// errWeakID means that a target mints ids that can be guessed, or that repeat.
var errWeakID = errors.New("weak id")

// clearSlot records that a slot has no session.
func (u *user) clearSlot(slot uint32) {
	if !u.trial.shared() {
		u.incarnations[slot] = 0
	}
}

// noteRemoteHold records work under the lock in another process: its duration as reported, otherwise as requested.
func (u *user) noteRemoteHold(a *scenarios.Effect) {
	held := u.driver.q.Hold
	if held == 0 {
		return
	}
	reported := a.Reported&scenarios.ReportsHeld != 0
	if reported {
		held = a.Held
	}
	end := u.now()
	u.inWindow += inside(max(u.opStart, end-int64(held)), end, u.trial.from, u.trial.until)
	if end >= u.trial.from && end <= u.trial.until {
		u.holds++
		u.heldFor += int64(held)
		if reported && u.held != nil {
			u.held.record(int64(held))
		}
	}
}

// noteWrite records the confirmed change in the ledger.
func (u *user) noteWrite(slot, word uint32) {
	a := &u.driver.a
	n, reported := a.Seq, a.Reported&scenarios.ReportsSeq != 0
	if u.trial.byVersion {
		n, reported = a.Version, a.Reported&scenarios.ReportsVersion != 0
	}
	if incarnation := u.incarnationIn(slot); reported {
		u.ledger.wrote(u.first+slot, incarnation, n, word)
	} else {
		u.ledger.wroteUnnumbered(u.first+slot, incarnation, word)
	}
}

// shared reports whether ids are reused.
func (tr *trial) shared() bool { return tr.scenario.Driver == scenarios.StoreDriver }

// incarnationIn returns the incarnation of the last effect. A minted id has only one; under a reused id the target reports
// it, or all of them count as one.
func (u *user) incarnationIn(slot uint32) uint64 {
	if !u.trial.shared() {
		return u.incarnations[slot]
	}
	return u.reportedIncarnation(u.ids[slot])
}

// reportedIncarnation returns the incarnation that the target reported.
func (u *user) reportedIncarnation(id manager.ID) uint64 {
	if a := &u.driver.a; a.Reported&scenarios.ReportsIncarnation != 0 {
		return a.Incarnation
	}
	u.driver.ambiguous = true
	return manager.IncarnationOf(id) | 1
}

// reportedState returns the final state of a session from the effect of its Delete.
func (u *user) reportedState(id manager.ID, incarnation uint64) finalState {
	a := &u.driver.a
	e := finalState{id: id, incarnation: incarnation, n: unknownCount, others: unknownCount, since: u.opStart}
	switch {
	case u.trial.byVersion && a.Reported&scenarios.ReportsVersion != 0:
		e.n = a.Version
	case !u.trial.byVersion && a.Reported&scenarios.ReportsSeq != 0:
		e.n = a.Seq
	}
	e.kept = unknownKept
	return e
}

// unknownKept is the number of entries of a final state that was not reported.
const unknownKept = -1

func (u *user) sweepTarget() error {
	q := &u.driver.q
	q.Op, q.Idle = scenarios.Sweep, u.trial.sweepTTL()
	err := u.driver.conn.Do(context.Background(), q, &u.driver.a)
	if err == nil {
		u.trial.audit.swept += u.driver.a.Removed
	}
	return err
}

// checkMissing adds a violation if a target reports, at t, that a session is missing which no sweep can have removed by then.
// A use may have been recorded up to a tenth of the time-to-live earlier, as session middleware does.
func (u *user) checkMissing(slot uint32, t int64) {
	if u.driver.used != nil && t < u.driver.used[slot]+int64(u.trial.sweepTTL())*9/10 {
		u.addViolation(fmt.Errorf("%w: it is not found %v after its last use", errTooSoon, time.Duration(t-u.driver.used[slot])))
	}
}

// emptyTarget reads and removes every session that should be in the target at the end, and checks that none is left. The
// users do it concurrently, each for a share of the sessions.
func (tr *trial) emptyTarget() error {
	left := tr.left()
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

// remaining returns the sessions that were created and not removed. Under reused ids there may be one, or
// none.
func (tr *trial) left() (left []creation) {
	if tr.shared() {
		for _, id := range tr.ids {
			left = append(left, creation{id: id})
		}
		return left
	}
	final, all := map[uint64]bool{}, tr.userLedgers()
	for _, a := range all {
		for _, e := range a.final {
			final[e.incarnation] = true
		}
	}
	for _, a := range all {
		for _, b := range a.created {
			if !final[b.incarnation] {
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
	q, a := &u.driver.q, &u.driver.a
	q.ID, u.opStart = of.id, u.now()
	if q.Op = scenarios.History; u.trial.byVersion {
		q.Op = scenarios.Read
	}
	ask := func() error { return u.driver.conn.Do(u.trial.ctx, q, a) }
	err := u.trial.untilAnswered(ask)
	if errors.Is(err, manager.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if u.trial.shared() {
		of.incarnation = u.reportedIncarnation(of.id)
	}
	e := u.reportedState(of.id, of.incarnation)
	e.kept = 0
	if u.trial.byVersion {
		u.trial.audit.endFields(&e, a.Fields, u.trial.scenario.Fields)
	} else {
		u.trial.audit.endMessages(&e, a.Messages)
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
	u.ledger.final = append(u.ledger.final, e)
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
	if census.Sessions != 0 && !tr.possible() {
		tr.audit.violate("sessions left", manager.ID{}, "the target counts %d sessions after all were removed", census.Sessions)
	}
	if census.Locks != 0 && !tr.possible() {
		tr.audit.violate("locks left", manager.ID{}, "%d locks are kept after all sessions were removed", census.Locks)
	}
	return nil
}

// doubtful reports whether any operation is indeterminate, so that there may be sessions that no ledger holds.
func (tr *trial) possible() bool {
	return slices.ContainsFunc(tr.userLedgers(), func(a userLedger) bool { return len(a.indeterminates) > 0 })
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
