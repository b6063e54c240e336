package runner

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// user is one goroutine that executes a scenario. In the window it writes only its own memory.
type user struct {
	trial  *trial
	driver scenarios.Conn
	slots  slots
	texts  audit.Texts
	shares []*trace.Cursor // of recorded traffic
	pacer
	ramped

	request scenarios.Request // the current or last operation
	effect  scenarios.Effect  // of the last operation
	opStart int64
	opSlot  uint32

	intervalEnd int64 // of the series' interval whose operations stats has; 0: before the first operation

	// What the audit and the result read.
	ledger    audit.Ledger
	recording *recording // nil: no histories are recorded
	stats     userStats
	panicked  bool // its last operation panicked, and has no outcome

	progress atomic.Int64      // grows with visits where no window ends them, holds, final states, the end
	scratch  []manager.Message // reused by the audit's look at final states
}

// number is the user's number. The preloaders have the one after the users', the sweeper the next.
func (u *user) number() int { return u.ledger.User }

// works reports whether u executes the scenario, so that its updates hold their sessions.
func (u *user) works() bool { return u.number() < u.trial.setup.scenario.Users }

// runTape cycles through the tape from this user's place on it until the window closes or its visits are done. The first user to
// come past an end of the window reads what the process has spent: where the users keep all processors busy, a
// goroutine that sleeps until then may wake up long after it.
func (u *user) runTape(visits int64) {
	tr := u.trial
	phases, sc := &tr.phases, tr.setup.scenario
	ops, at := tr.setup.tape.Ops, tr.setup.tape.Start(u.number(), sc.Users)
	own, timed, pauses := sc.OwnSessions, tr.setup.timed(), tr.setup.pause > 0
	t := phases.now()
	if t >= u.leaves { // of a ramp
		t = u.nextTurn(t)
	}
runTape:
	for {
		for t < phases.rest {
			t = u.enterWindow(t)
			next := ops[at]
			if at++; at == len(ops) {
				at = 0
			}
			if later := at + lead; later < len(ops) && ops[later].Start() {
				u.fetch(ops[later].Slot())
			}
			if next.Start() {
				if visits == 0 || tr.end.stopped.Load() {
					break runTape
				}
				visits--
				if !timed {
					u.progress.Add(1)
				}
				if pauses {
					t = u.pause(t)
				}
				if t >= u.leaves {
					if t = u.nextTurn(t); t >= phases.until || tr.end.stopped.Load() {
						break runTape
					}
				}
				if t >= phases.from {
					u.stats.visits++
				}
			}
			if own {
				t = u.doOwn(t, t, next)
			} else {
				t, _ = u.timed(t, t, next)
			}
		}
		if t >= phases.until || !tr.slices.rest() {
			break
		}
		t = phases.now()
	}
	u.finish(t)
}

// lead is how many operations before its own visit a slot is fetched: so many take longer than a memory access.
const lead = 5

// fetch fetches into the cache what a visit to a slot will need of the user's own: the id and the tally. What it will need of the store
// remains where it is.
func (u *user) fetch(slot uint32) {
	if int(slot) < len(u.ledger.Direct) {
		prefetch(unsafe.Pointer(&u.ledger.Direct[slot]), unsafe.Pointer(&u.slots.ids[slot]))
	}
}

// doOwn performs an operation of the tape on one of the user's own sessions, and first creates the session if the slot has none.
// See timed.
func (u *user) doOwn(due, t int64, next scenarios.TapeOp) int64 {
	slot, op := next.Slot(), next.Op()
	if u.slots.absent(slot) && !op.Does(scenarios.Mints) {
		if t = u.createOwn(due, t, slot); u.slots.absent(slot) {
			return t
		}
		due = t
	}
	t, err := u.timed(due, t, next)
	if err != nil && u.trial.setup.scenario.RemovesSessions && errors.Is(err, manager.ErrNotFound) {
		u.ledger.NotFound(manager.IncarnationOf(u.slots.ids[slot]), t)
		u.checkMissing(slot, t)
		u.clearSlot(slot)
		if !op.Does(scenarios.Removes) {
			if t = u.createOwn(t, t, slot); !u.slots.absent(slot) {
				t, _ = u.timed(t, t, next)
			}
		}
	}
	return t
}

func (u *user) createOwn(due, t int64, slot uint32) int64 {
	t, _ = u.timed(due, t, scenarios.NewTapeOp(scenarios.Create, slot, 0, false))
	return t
}

// clearSlot records that a slot of the user's own has no session.
func (u *user) clearSlot(slot uint32) {
	if u.trial.setup.scenario.OwnSessions {
		u.slots.ids[slot] = manager.ID{}
	}
}

// timed does one operation, which was intended at due and is called at t, and records it. It returns the time of its end. The hot
// path: one reading of the clock.
func (u *user) timed(due, t int64, next scenarios.TapeOp) (int64, error) {
	tr := u.trial
	phases := &tr.phases
	u.opStart, u.opSlot = t, next.Slot()
	kind := next.Op()
	sweep := tr.sweep.n.Load()
	recorded := u.slots.number(next.Slot()) != 0
	if recorded { // other operations need no fence, which costs two locked instructions
		u.recording.fence.Called(t)
	}
	err := u.do(kind, next.Slot(), next.Size())
	if recorded {
		u.recording.fence.Returning()
	}
	end := phases.now()
	if end >= u.intervalEnd {
		u.nextInterval(end)
	}
	if u.stats.holds.last > 0 {
		u.stats.holds.ended(err == nil && u.opSlot == tr.hot)
	}
	if sweep%2 == 1 || tr.sweep.n.Load() != sweep {
		kind += scenarios.NumOps
	}
	stats, silent := &u.stats.ops[kind], err != nil && tr.unanswered(err)
	if phases.began(due) {
		switch {
		case tr.arrivals == nil && !silent: // a closed loop, in which nothing is censored
			u.stats.times.add(responseOf(kind), end-due)
		case tr.arrivals == nil:
			stats.unanswered++
		case silent: // it has not ended, and would not have in the drain
			u.stats.responded(kind, due, t, forever, phases.limit)
		default:
			u.stats.responded(kind, due, t, end, phases.limit)
		}
		if err != nil {
			stats.failed++
			u.stats.count(err)
		} else if tr.remote && u.effect.FirstEvent > 0 {
			u.stats.times.add(firstEvents, t-due+int64(u.effect.FirstEvent))
		}
	}
	if silent || err != nil && errors.Is(err, manager.ErrConflict) {
		if phases.began(due) {
			stats.refused++
		}
	} else if phases.contains(end) {
		stats.done++
	}
	if u.stats.times.nearlyFull() {
		u.wake = 0
	}
	if recorded {
		u.recording.operation(next.Op(), next.Slot(), t, end, err)
	}
	if err != nil {
		u.noteError(next.Op(), next.Slot(), err)
	}
	return end, err
}

// do performs an operation with the user's driver, and notes its effect in the ledger. It is one function because it is hot:
// calls would cost as much as what they do.
func (u *user) do(op scenarios.Op, slot uint32, size int) error {
	tr, q, e := u.trial, &u.request, &u.effect
	does := op.Properties()
	q.Op, q.ID = op, u.slots.ids[slot]
	if does.Have(scenarios.Writes) {
		q.Role, q.Content = u.texts.Next(size)
		if does.Have(scenarios.SetsFields) {
			for _, f := range tr.rules.Fields {
				q.Fields[f] = q.Content
			}
		}
		if q.Hold > 0 && tr.end.stopped.Load() {
			q.Hold = 0
		}
	}
	if err := u.driver.Do(context.Background(), q, e); err != nil {
		if does.Have(scenarios.Mints) && errors.Is(err, manager.ErrIndeterminate) {
			u.indeterminate(op, e.ID)
		}
		return err
	}
	switch {
	case does.Have(tr.counted):
		if q.Hold > 0 && does.Have(scenarios.Writes) {
			u.noteRemoteHold()
		}
		if n, reported := tr.rules.Count(e); reported {
			u.ledger.Wrote(u.slots.first+slot, u.incarnation(), n, u.texts.Last)
		} else {
			u.ledger.WroteUnnumbered(u.slots.first+slot, u.incarnation(), u.texts.Last)
		}
	case does.Have(scenarios.ReadsFields):
		if f := tr.rules.Torn(e.Fields); f != "" && len(e.Fields) > 0 {
			u.violate("torn read", "fields written together were read apart: %q and %q", tr.rules.Fields[0], f)
		}
	case does.Have(scenarios.Mints):
		if e.ID.Version() != 4 || e.ID.Variant() != uuid.RFC4122 {
			u.violate("weak id", "weak id: %v is no random (version 4) UUID", e.ID)
		}
		u.slots.ids[slot] = e.ID
		u.ledger.Created = append(u.ledger.Created, audit.Creation{ID: e.ID, Incarnation: manager.IncarnationOf(e.ID)})
	case does.Have(scenarios.Ensures):
		if incarnation := u.incarnation(); e.Created {
			u.ledger.Created = append(u.ledger.Created, audit.Creation{ID: q.ID, Incarnation: incarnation})
		}
	case does.Have(scenarios.Removes):
		tr.system.ended(u)
		u.clearSlot(slot)
	case does.Have(scenarios.Writes): // it changes the version as a use does, and is not counted here
		u.ledger.Used(u.slots.first+slot, u.incarnation(), e.Uses+1)
	case e.Uses > 0:
		u.ledger.Used(u.slots.first+slot, u.incarnation(), e.Uses)
	}
	if u.slots.used != nil {
		u.noteUse(slot, does)
	}
	return nil
}

// incarnation returns the incarnation of the last effect, which under a reused id the target has to report.
func (u *user) incarnation() uint64 {
	if u.effect.Reported&scenarios.ReportsIncarnation == 0 {
		u.ledger.Ambiguous = true
	}
	return u.effect.Incarnation
}

// noteError adds a violation for an error that the scenario does not explain.
func (u *user) noteError(op scenarios.Op, slot uint32, err error) {
	tr := u.trial
	if tr.remote && errors.Is(err, manager.ErrIndeterminate) && !op.Does(scenarios.Mints) { // of which do has noted it
		var id manager.ID
		if !op.Does(scenarios.RemovesIdle) {
			id = u.slots.ids[slot]
		}
		u.indeterminate(op, id)
		if op.Does(scenarios.Removes) {
			u.clearSlot(slot)
		}
	}
	notFound := errors.Is(err, manager.ErrNotFound)
	switch {
	case tr.end.stopped.Load(), tr.setup.scenario.RemovesSessions && notFound:
	case errors.Is(err, scenarios.ErrUnavailable):
		tr.end.unavailable.CompareAndSwap(nil, &err)
		tr.end.stopped.Store(true) // no request will get a response
		u.violate(kindOf(err), "%v", err)
	case tr.unanswered(err), tr.remote && errors.Is(err, manager.ErrConflict):
	case notFound:
		u.violate("lost session", "%s: %v", op, err)
	default:
		u.violate(kindOf(err), "%s: %v", op, err)
	}
}

// indeterminate records an operation whose response was lost.
func (u *user) indeterminate(op scenarios.Op, id manager.ID) {
	u.ledger.Indeterminates = append(u.ledger.Indeterminates, audit.Indeterminate{Op: op, ID: id, Word: u.texts.Last})
}

// unanswered reports whether err means that a remote store did not respond: what it did or did not do is not a violation.
func (tr *trial) unanswered(err error) bool {
	return tr.remote && (errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied))
}

// violate adds a violation that the user has seen, if it is one of the first few.
func (u *user) violate(kind, format string, args ...any) {
	const most = 3
	if v := &u.ledger.Violations; len(*v) < most {
		*v = append(*v, result.Violation{Kind: kind, Detail: fmt.Sprintf(format, args...)})
	}
}

// recovered turns a panic of the store into a violation.
func (u *user) recovered() {
	if p := recover(); p != nil {
		u.panicked = true
		u.violate("unexpected error", "panic: %v", p)
	}
}
