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

// targetUser is one user's way to a target: a connection, and what goes over it.
type targetUser struct {
	conn    scenarios.Conn
	q       scenarios.Request
	a       scenarios.Effect
	blurred bool // it was not told lives where it needs them to tell sessions under one id apart

	used []int64 // by slot, where sessions are swept: the trial's clock when the last use that was confirmed began
}

// guardTarget has something done to a target that may hang.
func (tr *trial) guardTarget(what string, do func(context.Context) error) error {
	return guarded(tr.ctx, tr.watch(), what, func() error { return do(tr.ctx) })
}

// connect gives every user a connection.
func (tr *trial) connect(ctx context.Context) error {
	for _, u := range tr.everybody() {
		conn, err := tr.target.Connect(ctx)
		if err != nil {
			return err
		}
		u.way.conn = conn
		u.beats.Add(1)
		u.way.q = scenarios.Request{Kind: tr.scenario.Driver, Spin: tr.scenario.Spin}
		if tr.sweeps {
			u.way.used = make([]int64, len(u.ids))
		}
		if u.number < tr.scenario.Users {
			u.way.q.Hold = tr.scenario.Hold
		}
	}
	return nil
}

func (tr *trial) disconnect() error {
	var failed []error
	for _, u := range tr.everybody() {
		if u != nil && u.way.conn != nil {
			failed = append(failed, u.way.conn.Close())
			u.way.conn = nil
		}
	}
	return errors.Join(failed...)
}

// doTarget does an operation on a target.
func (u *user) doTarget(op scenarios.Op, slot uint32, size int) error {
	q, a := &u.way.q, &u.way.a
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
	err := u.way.conn.Do(context.Background(), q, a)
	if op == scenarios.Create {
		u.created(slot, a.ID, err)
		if err == nil && (a.ID.Version() != 4 || a.ID.Variant() != uuid.RFC4122) && !u.trial.unaudited {
			u.fault(fmt.Errorf("%w: %v is no random (version 4) UUID", errWeakID, a.ID))
		}
		if err == nil && u.way.used != nil {
			u.way.used[slot] = u.opStart
		}
		return err
	}
	if err != nil || u.trial.unaudited {
		return err
	}
	if u.way.used != nil {
		u.way.used[slot] = u.opStart
	}
	switch op {
	case scenarios.Append, scenarios.Update:
		u.worked(a)
		u.wroteTo(slot, u.lastWord)
	case scenarios.Touch:
		if u.trial.byVersion {
			u.wroteTo(slot, 0)
		}
	case scenarios.GetOrCreate:
		if life := u.lifeIn(slot); a.Created {
			u.ledger.began = append(u.ledger.began, birth{q.ID, life})
		}
	case scenarios.Delete:
		u.ledger.ended = append(u.ledger.ended, u.endTold(q.ID, u.lifeIn(slot)))
		u.vacate(slot)
	case scenarios.Read:
		if len(a.Fields) > 0 {
			u.noteTorn(a.Fields)
		}
	}
	return nil
}

// errWeakID says that a target mints ids that can be guessed, or that come again.
var errWeakID = errors.New("weak id")

// vacate notes that the session in a slot is there no more.
func (u *user) vacate(slot uint32) {
	if !u.trial.shared() {
		u.lives[slot] = 0
	}
}

// worked notes the work that was done under the lock in another process: as long as it says, or else as long as it was
// asked for.
func (u *user) worked(a *scenarios.Effect) {
	held := u.way.q.Hold
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

// wroteTo notes in the ledger the change that was just confirmed.
func (u *user) wroteTo(slot, word uint32) {
	a := &u.way.a
	n, told := a.Seq, a.Reported&scenarios.ReportsSeq != 0
	if u.trial.byVersion {
		n, told = a.Version, a.Reported&scenarios.ReportsVersion != 0
	}
	if life := u.lifeIn(slot); told {
		u.ledger.wrote(u.first+slot, life, n, word)
	} else {
		u.ledger.wroteBlind(u.first+slot, life, word)
	}
}

// shared reports whether ids live more than once.
func (tr *trial) shared() bool { return tr.scenario.Driver == scenarios.StoreDriver }

// lifeIn is the life that the last answer was about. One under a minted id is known by that; under an id that lives more
// than once the target has to tell, and where it does not all of them count as one.
func (u *user) lifeIn(slot uint32) uint64 {
	if !u.trial.shared() {
		return u.lives[slot]
	}
	return u.lifeTold(u.ids[slot])
}

// lifeTold is the life that the target told.
func (u *user) lifeTold(id manager.ID) uint64 {
	if a := &u.way.a; a.Reported&scenarios.ReportsIncarnation != 0 {
		return a.Incarnation
	}
	u.way.blurred = true
	return manager.IncarnationOf(id) | 1
}

// endTold is a session's last state as the answer to its Delete tells it.
func (u *user) endTold(id manager.ID, life uint64) ending {
	a := &u.way.a
	e := ending{id: id, life: life, n: uncounted, others: uncounted, since: u.opStart}
	switch {
	case u.trial.byVersion && a.Reported&scenarios.ReportsVersion != 0:
		e.n = a.Version
	case !u.trial.byVersion && a.Reported&scenarios.ReportsSeq != 0:
		e.n = a.Seq
	}
	e.kept = untold
	return e
}

// untold is the number of entries that a last state kept where nobody was told.
const untold = -1

func (u *user) sweepTarget() error {
	q := &u.way.q
	q.Op, q.Idle = scenarios.Sweep, u.trial.janitorTTL()
	err := u.way.conn.Do(context.Background(), q, &u.way.a)
	if err == nil {
		u.trial.audit.swept += u.way.a.Removed
	}
	return err
}

// missTarget makes a fault of a session that a target says, at t, is not there, although no sweep can have taken it by then.
// A use may have been recorded up to a tenth of the time-to-live earlier, as session middleware does.
func (u *user) missTarget(slot uint32, t int64) {
	if u.way.used != nil && t < u.way.used[slot]+int64(u.trial.janitorTTL())*9/10 {
		u.fault(fmt.Errorf("%w: it is not found %v after its last use", errTooSoon, time.Duration(t-u.way.used[slot])))
	}
}

// emptyTarget looks at every session that should be left in a target, removes it, and sees to it that nothing is left. The
// users do it at the same time, each with its own part of the sessions.
func (tr *trial) emptyTarget() error {
	left := tr.left()
	err := together(len(tr.users), func(i int) (err error) {
		for at := i; at < len(left) && err == nil && tr.ctx.Err() == nil; at += len(tr.users) {
			err = tr.users[i].take(left[at])
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

// left is the sessions that somebody made and nobody has removed. Under ids that live more than once there may be one, or
// none.
func (tr *trial) left() (left []birth) {
	if tr.shared() {
		for _, id := range tr.ids {
			left = append(left, birth{id: id})
		}
		return left
	}
	ended, all := map[uint64]bool{}, tr.accounts()
	for _, a := range all {
		for _, e := range a.ended {
			ended[e.life] = true
		}
	}
	for _, a := range all {
		for _, b := range a.began {
			if !ended[b.life] {
				left = append(left, b)
			}
		}
	}
	return left
}

// take reads and deletes one session. A session that is not found, before the read or between the read and the delete,
// gets no final state; the audit decides whether it was removed as it should be.
func (u *user) take(of birth) error {
	u.beats.Add(1)
	q, a := &u.way.q, &u.way.a
	q.ID, u.opStart = of.id, u.now()
	if q.Op = scenarios.History; u.trial.byVersion {
		q.Op = scenarios.Read
	}
	ask := func() error { return u.way.conn.Do(u.trial.ctx, q, a) }
	err := u.trial.untilAnswered(ask)
	if errors.Is(err, manager.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if u.trial.shared() {
		of.life = u.lifeTold(of.id)
	}
	e := u.endTold(of.id, of.life)
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
	u.ledger.ended = append(u.ledger.ended, e)
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
	if census.Sessions != 0 && !tr.doubtful() {
		tr.audit.violate("sessions left", manager.ID{}, "the target counts %d sessions after all were removed", census.Sessions)
	}
	if census.Locks != 0 && !tr.doubtful() {
		tr.audit.violate("locks left", manager.ID{}, "%d locks are kept after all sessions were removed", census.Locks)
	}
	return nil
}

// doubtful reports whether any operation may or may not have taken effect, so that a session may be there that nobody knows.
func (tr *trial) doubtful() bool {
	return slices.ContainsFunc(tr.accounts(), func(a account) bool { return len(a.doubts) > 0 })
}

// noIncarnations is why an audit has nothing to say.
const noIncarnations = "the target tells no incarnations, so that sessions under one id cannot be told apart"

// spentByTarget is what the target's processes have spent so far, zero where nobody knows.
func (tr *trial) spentByTarget() scenarios.TargetUsage {
	m, ok := tr.target.(scenarios.UsageReporter)
	if !ok {
		return scenarios.TargetUsage{}
	}
	spent, _ := m.Usage() // errs where the system does not say
	return spent
}
