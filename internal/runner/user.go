package runner

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// user is one goroutine that executes a scenario. In the window it writes only its own memory.
type user struct {
	trial  *trial
	number int

	driver    scenarios.Conn
	request   scenarios.Request // the current or last operation
	effect    scenarios.Effect  // of the last operation
	ambiguous bool              // a target did not report incarnations where they distinguish sessions under one id

	// The sessions by slot: shared and read-only, or with OwnSessions written by this user alone. An incarnation of 0 marks
	// a slot of its own in which no session is.
	ids          []manager.ID
	incarnations []uint64
	numbers      []uint32        // of the sessions whose histories are recorded; 0: it is not. Empty where none is
	shares       []*trace.Cursor // of recorded traffic
	first        uint32          // number of slot 0 among all users' slots
	used         []int64         // of a target that is swept: when the last confirmed use began, on the trial's clock

	// What the audit and the result read.
	ledger     ledger
	recording  *recording                    // nil: no histories are recorded
	ops        [2 * scenarios.NumOps]opStats // by operation; from NumOps on those that a sweep overlapped
	holds      holdStats
	pauses     pauseStats
	errors     map[string]int64
	violations []error    // errors that no scenario explains, the first few
	panicked   bool       // its last operation panicked, and has no outcome
	swept      []sweepEnd // of the sweeper
	visits     int64
	finished   int64 // the clock when the last operation ended

	opStart int64 // of the current operation
	opSlot  uint32
	texts   texts
	inside  bool          // the window has opened
	waiter  *wait.Waiter  // of holds and pauses; nil: there are none
	spun    time.Duration // what the waiter had spent when the window opened

	progress atomic.Int64      // grows with visits where no window ends them, holds, last states, the end
	scratch  []manager.Message // reused by the audit's look at last states
}

// opStats is what one user measures of one kind of operation.
type opStats struct {
	latency *recorder // nil: there was none yet
	done    int64     // completed inside the window
	failed  int64
	missed  int64 // of failed, those that got no answer, and so have no latency
	refused int64 // of failed, those that were not made: without an answer, or after too many conflicts
}

// record counts a latency.
func (o *opStats) record(ns int64) {
	if o.latency == nil {
		o.latency = newRecorder()
	}
	o.latency.record(ns)
}

// holdStats is what one user measures of its work under locks.
type holdStats struct {
	n         int64 // holds that ended in the window
	heldFor   int64 // their sum
	waitedFor int64 // from the operation's start to theirs
	last      int64 // the part inside the window of the current operation's last hold
	inWindow  int64 // the sum of each operation's last: where a store tries again, the earlier holds changed nothing
	inHot     int64 // of that, in the busiest session
	times     *recorder
}

// pauseStats is what one user measures of its pauses.
type pauseStats struct {
	begun int64
	ended int64 // in the window
	ns    int64 // the part inside the window, in all
	times *recorder
}

// texts is the source of the texts that one user writes.
type texts struct {
	contents *contents
	first    uint32 // of the words that are this user's
	last     uint32 // word of the last write
	writes   uint32
}

// next returns the next text of size bytes, and the role that belongs to it.
func (t *texts) next(size int) (speaker, text string) {
	t.last = t.first + t.writes%wordsPerUser
	t.writes++
	return role(t.last), t.contents.piece(t.last, size)
}

// maxUserViolations is how many violations of a user are kept.
const maxUserViolations = 3

// now is the trial's clock: nanoseconds since the barrier opened.
func (u *user) now() int64 { return int64(time.Since(u.trial.base)) }

// runTape cycles through the tape from this user's place on it until the window closes or its visits are done. The first user to
// come past an end of the window reads what the process has spent: where the users keep all processors busy, a
// goroutine that sleeps until then may wake up long after it.
func (u *user) runTape(visits int64) {
	tr := u.trial
	steps, at := tr.tape.Ops, tr.tape.Start(u.number, tr.scenario.Users)
	own, timed := tr.scenario.OwnSessions, tr.timed()
	t := u.now()
runTape:
	for {
		for t < tr.pause {
			t = u.enterWindow(t)
			step := steps[at]
			if at++; at == len(steps) {
				at = 0
			}
			if step.Start() {
				if visits == 0 || tr.stopped.Load() {
					break runTape
				}
				visits--
				if !timed {
					u.progress.Add(1)
				}
				if tr.scenario.Think > 0 {
					t = u.think(t)
				}
				if t >= tr.from {
					u.visits++
				}
			}
			if own {
				t = u.doOwn(t, step)
			} else {
				t, _ = u.timed(t, step)
			}
		}
		if t >= tr.until || !tr.rest() {
			break
		}
		t = u.now()
	}
	u.finish(t)
}

// enterWindow has the process's counters read when the window opens, and returns the time after that.
func (u *user) enterWindow(t int64) int64 {
	if u.inside || t < u.trial.from {
		return t
	}
	u.inside = true
	u.trial.opened.read(u.trial)
	if u.waiter != nil {
		u.spun = u.waiter.Spun()
	}
	return u.now()
}

// finish notes when u's last operation ended.
func (u *user) finish(t int64) {
	u.finished = t
	u.progress.Add(1)
	if t >= u.trial.until {
		u.trial.closed.read(u.trial)
	}
}

// think pauses between visits. The first pause is cut at random, so that the users do not march in step.
func (u *user) think(t int64) int64 {
	tr := u.trial
	pause := tr.scenario.Think
	whole := u.pauses.begun > 0
	if !whole {
		rng := rand.New(rand.NewPCG(tr.seed, uint64(u.number)))
		pause = time.Duration(rng.Int64N(int64(pause)) + 1)
	}
	u.waiter.Wait(min(pause, time.Duration(tr.until-t)))
	end := u.now()
	u.pauses.begun++
	if end >= tr.from && end <= tr.until {
		u.pauses.ended++
	}
	u.pauses.ns += inside(t, end, tr.from, tr.until)
	if whole && t >= tr.from && end <= tr.until {
		u.pauses.times.record(end - t)
	}
	return end
}

// inside is how much of the time from start to end lies between from and until.
func inside(start, end, from, until int64) int64 { return max(0, min(end, until)-max(start, from)) }

// doOwn performs an operation of the tape on one of the user's own sessions, and first creates the session if the slot has none.
func (u *user) doOwn(t int64, step scenarios.TapeOp) int64 {
	slot, op := step.Slot(), step.Op()
	if u.incarnations[slot] == 0 && op != scenarios.Create {
		if t = u.createOwn(t, slot); u.incarnations[slot] == 0 {
			return t
		}
	}
	t, err := u.timed(t, step)
	if err != nil && u.trial.scenario.RemovesSessions && errors.Is(err, manager.ErrNotFound) {
		u.ledger.notFound = append(u.ledger.notFound, notFound{u.incarnations[slot], t})
		u.checkMissing(slot, t)
		u.incarnations[slot] = 0
		if op != scenarios.Delete {
			if t = u.createOwn(t, slot); u.incarnations[slot] != 0 {
				t, _ = u.timed(t, step)
			}
		}
	}
	return t
}

func (u *user) createOwn(t int64, slot uint32) int64 {
	t, _ = u.timed(t, scenarios.NewTapeOp(scenarios.Create, slot, 0, false))
	return t
}

// timed does one operation and records it. The hot path: one reading of the clock.
func (u *user) timed(t int64, step scenarios.TapeOp) (int64, error) {
	tr := u.trial
	u.opStart, u.opSlot = t, step.Slot()
	kind := step.Op()
	var sweep uint32
	if tr.sweeps {
		sweep = tr.sweep.Load()
	}
	if u.recording != nil {
		u.recording.fence.Called(t)
	}
	err := u.do(kind, step.Slot(), step.Size())
	if u.recording != nil {
		u.recording.fence.Returning()
	}
	end := int64(time.Since(tr.base))
	if u.holds.last > 0 {
		u.noteHold(err)
	}
	if tr.sweeps && (sweep%2 == 1 || tr.sweep.Load() != sweep) {
		kind += scenarios.NumOps
	}
	stats, silent := &u.ops[kind], err != nil && tr.remote && unanswered(err)
	if t >= tr.from {
		if !silent {
			stats.record(end - t)
		} else {
			stats.missed++
		}
		if err != nil {
			stats.failed++
			u.count(err)
		}
	}
	if silent || err != nil && errors.Is(err, manager.ErrConflict) {
		if t >= tr.from {
			stats.refused++
		}
	} else if end >= tr.from && end <= tr.until {
		stats.done++
	}
	if slot := int(step.Slot()); slot < len(u.numbers) && u.numbers[slot] != 0 {
		u.recordOp(step.Op(), uint32(slot), t, end, err)
	}
	if err != nil {
		u.explain(step.Op(), step.Slot(), err)
	}
	return end, err
}

// noteHold counts the last hold of the operation that has ended. One that failed need not have excluded others.
func (u *user) noteHold(err error) {
	h := &u.holds
	h.inWindow += h.last
	if err == nil && u.opSlot == u.trial.hot {
		h.inHot += h.last
	}
	h.last = 0
}

// work is done under the lock of each of this user's updates. An actor may run it on a goroutine of its own, while this
// user waits. After an abort hold is a no-op, so queued users drain quickly.
func (u *user) work() {
	tr := u.trial
	start := u.now()
	switch {
	case tr.stopped.Load():
	case tr.hold > 0:
		u.waiter.Wait(tr.hold)
	default:
		tr.work()
	}
	end := u.now()
	u.progress.Add(1)
	h := &u.holds
	h.last = inside(start, end, tr.from, tr.until)
	if end >= tr.from && end <= tr.until {
		h.n++
		h.heldFor += end - start
		h.waitedFor += start - u.opStart
		if h.times != nil {
			h.times.record(end - start)
		}
	}
}

// forever is a number of visits that no window is long enough for.
const forever = math.MaxInt64
