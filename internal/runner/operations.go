package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

var (
	// errTooSoon means that a sweep removed a session that was still in use.
	errTooSoon = errors.New("removed before its time")

	// errTorn means that a read saw half of a change.
	errTorn = errors.New("fields written together were read apart")

	// errWeakID means that a target mints ids that can be guessed, or that repeat.
	errWeakID = errors.New("weak id")
)

// do performs an operation with the user's driver, and notes its effect in the ledger. It is one function because it is hot:
// calls would cost as much as what they do.
func (u *user) do(op scenarios.Op, slot uint32, size int) error {
	q := &u.request
	q.Op, q.ID = op, u.ids[slot]
	switch op {
	case scenarios.Append:
		q.Role, q.Content = u.texts.next(size)
	case scenarios.Update:
		_, text := u.texts.next(size)
		for _, f := range u.trial.scenario.Fields {
			q.Fields[f] = text
		}
	}
	if q.Hold > 0 && u.trial.stopped.Load() {
		q.Hold = 0
	}
	e := &u.effect
	if err := u.driver.Do(context.Background(), q, e); err != nil {
		if op == scenarios.Create && errors.Is(err, manager.ErrIndeterminate) {
			u.ledger.Indeterminates = append(u.ledger.Indeterminates, indeterminate{op, e.ID, 0})
		}
		return err
	}
	switch op {
	case scenarios.Append, scenarios.Update:
		if q.Hold > 0 {
			u.noteRemoteHold()
		}
		u.noteWrite(slot, u.texts.last)
	case scenarios.Touch:
		if u.trial.byVersion {
			u.noteWrite(slot, 0)
		} else {
			u.noteTouches(slot)
		}
	case scenarios.History, scenarios.Validate:
		u.noteTouches(slot)
	case scenarios.Read:
		if f := torn(e.Fields, u.trial.scenario.Fields); f != "" && len(e.Fields) > 0 {
			u.addViolation(fmt.Errorf("%w: %q and %q", errTorn, u.trial.scenario.Fields[0], f))
		}
	case scenarios.Create:
		if (e.ID.Version() != 4 || e.ID.Variant() != uuid.RFC4122) && !u.trial.unaudited {
			u.addViolation(fmt.Errorf("%w: %v is no random (version 4) UUID", errWeakID, e.ID))
		}
		u.ids[slot], u.incarnations[slot] = e.ID, manager.IncarnationOf(e.ID)
		u.ledger.Created = append(u.ledger.Created, creation{e.ID, u.incarnations[slot]})
	case scenarios.GetOrCreate:
		if incarnation := u.incarnationIn(slot); e.Created {
			u.ledger.Created = append(u.ledger.Created, creation{q.ID, incarnation})
		}
	case scenarios.Delete:
		if u.trial.target != nil && !u.trial.unaudited { // other drivers call removed
			u.ledger.Final = append(u.ledger.Final, u.reportedState(q.ID, u.incarnationIn(slot)))
		}
		u.clearSlot(slot)
	}
	if u.used != nil {
		u.used[slot] = u.opStart
	}
	return nil
}

// noteWrite records the confirmed change in the ledger.
func (u *user) noteWrite(slot, word uint32) {
	incarnation := u.incarnationIn(slot)
	if n, reported := u.changes(); reported {
		u.ledger.wrote(u.first+slot, incarnation, n, word)
	} else {
		u.ledger.wroteUnnumbered(u.first+slot, incarnation, word)
	}
}

// changes returns the scenario's count of changes after the operation, if the driver reported it.
func (u *user) changes() (n uint64, reported bool) {
	if u.trial.byVersion {
		return u.effect.Version, u.effect.Reported&scenarios.ReportsVersion != 0
	}
	return u.effect.Seq, u.effect.Reported&scenarios.ReportsSeq != 0
}

// noteTouches notes the touches that the operation made.
func (u *user) noteTouches(slot uint32) {
	if n := u.effect.Touches; n > 0 {
		u.ledger.touched(u.first+slot, u.incarnationIn(slot), n)
	}
}

// noteRemoteHold records work under the lock in another process: its duration as reported, otherwise as requested.
func (u *user) noteRemoteHold() {
	held, reported := u.request.Hold, u.effect.Reported&scenarios.ReportsHeld != 0
	if reported {
		held = u.effect.Held
	}
	end := u.now()
	h := &u.holds
	h.inWindow += inside(max(u.opStart, end-int64(held)), end, u.trial.from, u.trial.until)
	if end >= u.trial.from && end <= u.trial.until {
		h.n++
		h.heldFor += int64(held)
		if reported && h.times != nil {
			h.times.record(int64(held))
		}
	}
}

// clearSlot records that a slot has no session.
func (u *user) clearSlot(slot uint32) {
	if !u.trial.reusesIDs {
		u.incarnations[slot] = 0
	}
}

// incarnationIn returns the incarnation of the last effect. A minted id has only one; under a reused id the driver reports
// it, or all of them count as one.
func (u *user) incarnationIn(slot uint32) uint64 {
	if !u.trial.reusesIDs {
		return u.incarnations[slot]
	}
	return u.reportedIncarnation(u.ids[slot])
}

// reportedIncarnation returns the incarnation that the driver reported.
func (u *user) reportedIncarnation(id manager.ID) uint64 {
	if e := &u.effect; e.Reported&scenarios.ReportsIncarnation != 0 {
		return e.Incarnation
	}
	u.ambiguous = true
	return manager.IncarnationOf(id) | 1
}

// removed records a session's last state. A driver of a store calls it for each session that it removes.
func (u *user) removed(id manager.ID, last manager.Session) {
	if u.trial.unaudited {
		return
	}
	if u == u.trial.sweeper && last.Touched > time.Now().Add(-u.trial.sweepTTL()).UnixNano() {
		u.addViolation(fmt.Errorf("%w: it was swept %v after its last use", errTooSoon, time.Since(time.Unix(0, last.Touched))))
	}
	u.progress.Add(1)
	e := u.trial.audit.end(id, &last, u.trial.scenario.Fields, u.scratch)
	e.since = u.opStart
	u.ledger.Final = append(u.ledger.Final, e)
}
