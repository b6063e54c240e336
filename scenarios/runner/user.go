package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// user is one goroutine acting out a scenario. All it writes in the window is its own.
type user struct {
	trial  *trial
	number int

	// How it reaches the sessions: one of these, by the scenario's view, and do, which does an operation through it and
	// notes in the ledger what came of it.
	chat  *manager.ChatUser
	board scenarios.Brainstorm
	store *storeView
	do    func(op scenarios.Op, slot uint32, size int) error

	// The sessions by slot: shared and read-only, or with Own this user's and changed by it alone. A life of 0 marks
	// a slot of its own in which no session is.
	ids    []manager.ID
	lives  []uint64
	shares []*trace.Cursor // of recorded traffic
	first  uint32          // number of slot 0 among all users' slots

	ledger  ledger
	latency [2 * scenarios.NumOps]*recorder // by operation; from NumOps on those that a sweep overlapped
	failed  [2 * scenarios.NumOps]int64
	errors  map[string]int64
	faults  []error // errors that no scenario explains, the first few

	done      [2 * scenarios.NumOps]int64 // operations completed inside the window
	inside    bool                        // the window has opened
	visits    int64
	finished  int64 // the clock when the last operation ended
	contents  *contents
	firstWord uint32 // of the words that are this user's
	lastWord  uint32 // what the last write wrote
	writes    uint32
	touches   uint64 // of chat that are in the ledger
	opStart   int64
	holds     int64
	heldFor   int64
	waitedFor int64
	thoughts  int64
	thoughtNs int64

	history []manager.Message // reused by reads
	scratch []manager.Message // reused by the audit's look at last states
	fields  map[string]string // reused by updates
}

// maxFaults is how many unexplained errors of a user are kept.
const maxFaults = 3

// now is the trial's clock: nanoseconds since the barrier opened.
func (u *user) now() int64 { return int64(time.Since(u.trial.base)) }

// walk goes round the tape from this user's place on it until the window closes or its visits are done. The first user to
// come past an end of the window reads what the process has spent: where the users keep all processors busy, whoever
// slept until then would wake up long after it.
func (u *user) walk(visits int64) {
	tr := u.trial
	steps, at := tr.tape.Steps, tr.tape.Start(u.number, tr.scenario.Users)
	own := tr.scenario.Own
	t := u.now()
	for t < tr.until {
		t = u.enterWindow(t)
		step := steps[at]
		if at++; at == len(steps) {
			at = 0
		}
		if step.Start() {
			if visits == 0 || tr.stopped.Load() {
				break
			}
			visits--
			if tr.scenario.Think > 0 {
				t = u.think(t)
			}
			if t >= tr.from {
				u.visits++
			}
		}
		if own {
			t = u.actOwn(t, step)
		} else {
			t, _ = u.timed(t, step)
		}
	}
	u.finish(t)
}

// enterWindow has the process's counters read when the window opens, and returns the time after that.
func (u *user) enterWindow(t int64) int64 {
	if u.inside || t < u.trial.from {
		return t
	}
	u.inside = true
	u.trial.opened.read()
	return u.now()
}

// finish notes when u's last operation ended.
func (u *user) finish(t int64) {
	u.finished = t
	if t >= u.trial.until {
		u.trial.closed.read()
	}
}

// think pauses between visits. The first pause is cut at random, so that the users do not march in step.
func (u *user) think(t int64) int64 {
	pause := u.trial.scenario.Think
	if u.thoughts == 0 {
		rng := rand.New(rand.NewPCG(u.trial.seed, uint64(u.number)))
		pause = time.Duration(rng.Int64N(int64(pause)) + 1)
	}
	u.trial.sleep(min(pause, time.Duration(u.trial.until-t)))
	end := u.now()
	u.thoughts++
	u.thoughtNs += max(0, min(end, u.trial.until)-max(t, u.trial.from))
	return end
}

// replay does this user's share of recorded traffic: as fast as possible with speed 0, else on the log's clock, run
// speed times as fast. A probe of the harness, which knows no first visit, does it again until the window closes.
func (u *user) replay(speed float64) error {
	tr := u.trial
	for {
		t, some, err := u.replayOnce(speed)
		if err != nil || !some || !tr.unaudited || !tr.timed() || t >= tr.until {
			u.finish(t)
			return err
		}
		for i, share := range u.shares {
			u.shares[i] = share.Again()
		}
	}
}

// replayOnce goes through the log once and returns the time after it, and whether there was anything to do.
func (u *user) replayOnce(speed float64) (t int64, some bool, err error) {
	tr := u.trial
	t = u.now()
	for _, share := range u.shares {
		for t < tr.until && !tr.stopped.Load() {
			at, step, ok := share.Next()
			if !ok {
				break
			}
			t = u.now() // reading the log is no part of the operation
			t = u.enterWindow(t)
			if step.Start() {
				if t >= tr.from {
					u.visits++
				}
				if speed > 0 {
					t = u.awaitDue(int64(float64(at) / speed))
				}
			}
			t, _ = u.timed(t, step)
			some = true
		}
		if err := share.Err(); err != nil {
			return t, some, err
		}
	}
	return t, some, nil
}

// awaitDue waits until a visit is due and returns the time its latency counts from. A user who comes late, because an
// earlier visit took long, counts from when it was due; a timer that fires late is not held against the store.
func (u *user) awaitDue(due int64) int64 {
	now := u.now()
	if now >= due {
		return due
	}
	u.trial.sleep(time.Duration(due - now))
	return u.now()
}

// actOwn does a step on a session of the user's own, and before it what it takes to have one.
func (u *user) actOwn(t int64, step scenarios.Step) int64 {
	slot, op := step.Slot(), step.Op()
	if u.lives[slot] == 0 && op != scenarios.Create {
		t = u.logIn(t, slot)
		if op == scenarios.Delete && u.lives[slot] == 0 {
			return t
		}
	}
	t, err := u.timed(t, step)
	if err != nil && u.trial.scenario.Leaving && errors.Is(err, manager.ErrNotFound) {
		u.ledger.gone = append(u.ledger.gone, absence{u.lives[slot], t})
		u.lives[slot] = 0
		if op != scenarios.Delete {
			t = u.logIn(t, slot)
			t, _ = u.timed(t, step)
		}
	}
	return t
}

func (u *user) logIn(t int64, slot uint32) int64 {
	t, _ = u.timed(t, scenarios.NewStep(scenarios.Create, slot, 0, false))
	return t
}

// timed does one operation and records it. The hot path: one reading of the clock.
func (u *user) timed(t int64, step scenarios.Step) (int64, error) {
	tr := u.trial
	u.opStart = t
	kind := step.Op()
	var sweep uint32
	if tr.sweeps {
		sweep = tr.sweep.Load()
	}
	err := u.do(kind, step.Slot(), step.Size())
	end := int64(time.Since(tr.base))
	if tr.sweeps && (sweep%2 == 1 || tr.sweep.Load() != sweep) {
		kind += scenarios.NumOps
	}
	if t >= tr.from {
		u.recorder(kind).record(end - t)
		if err != nil {
			u.failed[kind]++
			u.count(err)
		}
	}
	if end >= tr.from && end <= tr.until {
		u.done[kind]++
	}
	if err != nil {
		u.explain(step.Op(), err)
	}
	return end, err
}

// recorder is the histogram of one kind of operation.
func (u *user) recorder(kind scenarios.Op) *recorder {
	if u.latency[kind] == nil {
		u.latency[kind] = newRecorder()
	}
	return u.latency[kind]
}

// write draws the next text of this user's, its word noted.
func (u *user) write(size int) (speaker, text string) {
	word := u.firstWord + u.writes%wordsPerUser
	u.writes++
	u.lastWord = word
	return role(word), u.contents.piece(word, size)
}

func (u *user) doChat(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Append:
		role, text := u.write(size)
		n, err := u.chat.AddMessage(ctx, u.ids[slot], role, text)
		if err == nil {
			u.ledger.wrote(u.first+slot, u.lives[slot], n, u.lastWord)
		}
		return err
	case scenarios.History:
		var err error
		u.history, err = u.chat.History(ctx, u.ids[slot], u.history[:0])
		u.noteTouches(slot)
		return err
	case scenarios.Validate:
		err := u.chat.Validate(ctx, u.ids[slot])
		u.noteTouches(slot)
		return err
	case scenarios.Touch:
		n, err := u.chat.Touch(ctx, u.ids[slot])
		if err == nil && u.trial.byVersion {
			u.ledger.wrote(u.first+slot, u.lives[slot], n, 0)
			u.touches = u.chat.Touches() // they are the writes
			return nil
		}
		u.noteTouches(slot)
		return err
	case scenarios.Create:
		id, err := u.chat.CreateSession(ctx)
		u.created(slot, id, err)
		return err
	case scenarios.Delete:
		return u.deleted(slot, u.chat.DeleteSession(ctx, u.ids[slot]))
	default:
		return errUnknownOp(op)
	}
}

// noteTouches notes in the ledger the touches that the last operation made.
func (u *user) noteTouches(slot uint32) {
	if n := u.chat.Touches() - u.touches; n > 0 {
		u.touches += n
		u.ledger.touched(u.first+slot, u.lives[slot], n)
	}
}

func (u *user) doBoard(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Update:
		_, text := u.write(size)
		for _, f := range u.trial.scenario.Fields {
			u.fields[f] = text
		}
		n, err := u.board.UpdateSession(ctx, u.ids[slot], u.fields)
		if err == nil {
			u.ledger.wrote(u.first+slot, u.lives[slot], n, u.lastWord)
		}
		return err
	case scenarios.Read:
		s, err := u.board.Session(ctx, u.ids[slot])
		if err == nil && len(s.Fields) > 0 {
			if f := torn(s.Fields, u.trial.scenario.Fields); f != "" {
				u.fault(fmt.Errorf("%w: %q and %q", errTorn, u.trial.scenario.Fields[0], f))
			}
		}
		return err
	case scenarios.Create:
		id, err := u.board.CreateSession(ctx)
		u.created(slot, id, err)
		return err
	case scenarios.Delete:
		return u.deleted(slot, u.board.DeleteSession(ctx, u.ids[slot]))
	default:
		return errUnknownOp(op)
	}
}

func (u *user) doStore(op scenarios.Op, slot uint32, size int) error {
	ctx := context.Background()
	switch op {
	case scenarios.Append:
		role, text := u.write(size)
		life, n, err := u.store.add(ctx, u.ids[slot], role, text)
		if err == nil {
			u.ledger.wrote(slot, life, n, u.lastWord)
		}
		return err
	case scenarios.History:
		var err error
		u.history, err = u.store.history(ctx, u.ids[slot], u.history[:0])
		return err
	case scenarios.GetOrCreate:
		life, created, err := u.store.getOrCreate(ctx, u.ids[slot])
		if created {
			u.ledger.began = append(u.ledger.began, birth{u.ids[slot], life})
		}
		return err
	case scenarios.Delete:
		last, err := u.store.store.Delete(ctx, u.ids[slot])
		if err == nil {
			u.handedOver(u.ids[slot], last)
		}
		return err
	default:
		return errUnknownOp(op)
	}
}

// errTooSoon says that a sweep took a session that was still in use.
var errTooSoon = errors.New("removed before its time")

// errTorn says that a read saw half of a change.
var errTorn = errors.New("fields written together were read apart")

func errUnknownOp(op scenarios.Op) error { return fmt.Errorf("this view has no operation %s", op) }

func (u *user) created(slot uint32, id manager.ID, err error) {
	if err != nil {
		return
	}
	u.ids[slot], u.lives[slot] = id, manager.IncarnationOf(id)
	u.ledger.began = append(u.ledger.began, birth{id, u.lives[slot]})
}

func (u *user) deleted(slot uint32, err error) error {
	if err == nil {
		u.lives[slot] = 0
	}
	return err
}

// handedOver notes a session's last state.
func (u *user) handedOver(id manager.ID, last manager.Session) {
	if u.trial.unaudited {
		return
	}
	if u == u.trial.janitor && last.Touched > time.Now().Add(-u.trial.janitorTTL()).UnixNano() {
		u.fault(fmt.Errorf("%w: it was swept %v after its last use", errTooSoon, time.Since(time.Unix(0, last.Touched))))
	}
	e := u.trial.audit.end(id, &last, u.trial.byVersion, u.trial.scenario.Fields, u.scratch)
	e.since = u.opStart
	u.ledger.ended = append(u.ledger.ended, e)
}

// count counts an error by its kind.
func (u *user) count(err error) {
	if u.errors == nil {
		u.errors = map[string]int64{}
	}
	u.errors[errorKind(err)]++
}

// explain keeps an error when nothing in the scenario explains it.
func (u *user) explain(op scenarios.Op, err error) {
	if u.trial.stopped.Load() || u.trial.scenario.Leaving && errors.Is(err, manager.ErrNotFound) {
		return
	}
	u.fault(fmt.Errorf("%s: %w", op, err))
}

func (u *user) fault(err error) {
	if len(u.faults) < maxFaults {
		u.faults = append(u.faults, err)
	}
}

// errorKind is an error's name in results.
func errorKind(err error) string {
	for _, k := range []struct {
		err  error
		name string
	}{
		{manager.ErrNotFound, "not_found"},
		{manager.ErrExists, "exists"},
		{manager.ErrClosed, "closed"},
		{manager.ErrConflict, "conflict"},
		{manager.ErrIndeterminate, "indeterminate"},
		{manager.ErrNotApplied, "not_applied"},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other"
}

// work is done under the lock of each of this user's updates. An actor may run it on a goroutine of its own, while this
// user waits.
func (u *user) work() {
	start := u.now()
	u.trial.hold()
	if end := u.now(); end >= u.trial.from && end <= u.trial.until {
		u.holds++
		u.heldFor += end - start
		u.waitedFor += start - u.opStart
	}
}

// forever is a number of visits that no window is long enough for.
const forever = math.MaxInt64
