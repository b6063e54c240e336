package runner

import (
	"errors"
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// recording is one user's record of its operations on some of the sessions, with their effects: its part of their
// histories. Sessions are recorded whole, from before the barrier to the end, since a history with gaps proves
// nothing. Only its user writes it. Like the ledger it takes what it needs from where the operation has left it, and the
// times from the two readings of the clock that there are anyway: an operation was called after the one before it had
// returned, which makes its interval wider than it was, and never narrower. What recording takes counts as part of the
// operation that follows. A fence keeps the operation's memory accesses between the two readings.
//
// States of a session are distinguished by the scenario's count of changes: the number of messages, or, where
// there are none, the version. Touches that are not counted, and checks that read nothing, are left out.
type recording struct {
	fence  history.Fence
	pages  []*history.Recorder // all but the last are full
	page   *history.Recorder   // the last
	ops    int                 // that the page still has room for
	shows  int                 // messages, that the page still has room for
	room   *allowance          // where pages come from
	cut    bool                // there were no more
	minted []minted
	next   uint32                            // number of the next session that this user makes
	stride uint32                            // from there to the one after it
	steps  int64                             // taken before the barrier
	shown  [manager.HistoryLimit]history.Tag // by the last read
}

// minted is the number of a session.
type minted struct {
	number uint32
	id     manager.ID
}

// recordRoom is how many bytes the recordings of a trial may take together. Putting histories together takes about as much
// again.
const recordRoom = 512 << 20

// allowance is the pages that the recordings of a trial share. The scheduler may have one user do many times as much as
// another, so none gets a share of its own. Taking a page is a write to shared memory, one for dozens of operations.
type allowance struct {
	left atomic.Int64 // bytes
	ops  int          // of a page
}

const (
	opBytes   = int(unsafe.Sizeof(history.Op{})) + 4 // with the number of its session
	opShows   = 8                                    // messages that a page has room for, an operation
	pageBytes = opBytes + opShows*int(unsafe.Sizeof(history.Tag(0)))
)

// newAllowance has so many bytes for so many users. Pages are small enough that each user may have a few.
func newAllowance(bytes, users int) *allowance {
	const least, most = 16, 64
	a := &allowance{ops: max(least, min(bytes/(8*users*pageBytes), most))}
	a.left.Store(int64(bytes))
	return a
}

// newRecording returns a recording for a user, with its first page.
func newRecording(user int, room *allowance) *recording {
	c := &recording{room: room}
	c.newPage(user)
	return c
}

// newPage begins a new page, if there is room for one. Pages do not grow: a record is never moved.
func (c *recording) newPage(user int) {
	if c.cut = c.cut || c.room.left.Add(-int64(c.room.ops*pageBytes)) < 0; c.cut {
		return
	}
	c.ops, c.shows = c.room.ops, c.room.ops*opShows
	c.page = history.NewRecorder(user, c.ops, c.shows)
	c.pages = append(c.pages, c.page)
}

// longBefore is the time of the preloader's first operation. Before the barrier there is no clock, but its operations follow
// one another, so each gets a later time.
const longBefore = math.MinInt64 / 2

// doBefore does an operation before the barrier, and records it.
func (u *user) doBefore(op scenarios.Op, slot uint32) error {
	err := u.do(op, slot, 0)
	if err != nil || len(u.numbers) == 0 || u.numbers[slot] == 0 {
		return err
	}
	u.recording.steps++
	if at := longBefore + u.recording.steps; op == scenarios.Create {
		u.recordCreation(slot, at, at)
	} else {
		u.recordOp(op, slot, at, at, nil)
	}
	return nil
}

// recordCreation records the creation of a session under a new id.
func (u *user) recordCreation(slot uint32, call, end int64) {
	u.recording.minted = append(u.recording.minted, minted{u.numbers[slot], u.ids[slot]})
	u.note(u.numbers[slot], &history.Op{
		Call: call, Return: end, Kind: history.Create, Outcome: history.OK, Created: true, Tag: u.incarnation(u.incarnations[slot]),
	})
}

// recordOp records an operation on a recorded session, and its duration. Sampled, and yet nearly as hot as
// the operations themselves where all sessions are.
func (u *user) recordOp(op scenarios.Op, slot uint32, call, end int64, err error) {
	if op == scenarios.Create {
		if err == nil { // otherwise the id of a session that was created is not known
			u.numbers[slot] = u.recording.next
			u.recording.next += u.recording.stride
			u.recordCreation(slot, call, end)
		}
		return
	}
	o := history.Op{Call: call, Return: end, Kind: u.kind(op)}
	o.Outcome = outcome(err)
	switch {
	case o.Outcome == history.OK:
		if !u.reportEffect(op, slot, &o) {
			return
		}
	case o.Outcome == history.Indeterminate:
		if o.Kind.Reads() {
			return
		}
		o.Return = history.Never
	case o.Outcome == history.NotApplied:
		return
	}
	u.note(u.numbers[slot], &o)
}

// note records an operation while there is room.
func (u *user) note(number uint32, op *history.Op) {
	c := u.recording
	if c.ops < 1 || c.shows < len(op.Messages) {
		c.newPage(u.number)
	}
	if c.cut {
		return
	}
	c.ops--
	c.shows -= len(op.Messages)
	c.page.Add(number, *op)
}

// kind is the kind of an operation in a history. A touch is a change of a session where touches are what is counted.
func (u *user) kind(op scenarios.Op) history.Kind {
	switch op {
	case scenarios.GetOrCreate:
		return history.GetOrCreate
	case scenarios.Append:
		return history.Append
	case scenarios.History:
		return history.ReadMessages
	case scenarios.Update:
		return history.Update
	case scenarios.Delete:
		return history.Delete
	case scenarios.Touch:
		if u.trial.byVersion {
			return history.Update
		}
	}
	return history.ReadFields
}

// outcome classifies an error. After one outside the contract the operation is indeterminate.
func outcome(err error) history.Outcome {
	switch {
	case err == nil:
		return history.OK
	case errors.Is(err, manager.ErrNotFound):
		return history.NotFound
	case errors.Is(err, manager.ErrNotApplied), errors.Is(err, manager.ErrConflict), errors.Is(err, manager.ErrClosed):
		return history.NotApplied
	default:
		return history.Indeterminate
	}
}

// reportEffect sets the effect of an operation that has just succeeded. false: the operation is not part of a history.
func (u *user) reportEffect(op scenarios.Op, slot uint32, o *history.Op) bool {
	switch op {
	case scenarios.Append, scenarios.Update:
		t := u.ledger.find(u.first + slot)
		o.Tag = tagOf(t.Word, t.Last)
		u.at(o, t.Incarnation, t.Last)
	case scenarios.Touch:
		if !u.trial.byVersion {
			return false
		}
		t := u.ledger.find(u.first + slot)
		o.Tag = tagOf(u.texts.first, t.Last)
		u.at(o, t.Incarnation, t.Last)
	case scenarios.History:
		u.reportMessages(slot, o)
	case scenarios.Read:
		u.at(o, u.effect.Incarnation, u.effect.Version)
		u.reportFields(o)
	case scenarios.GetOrCreate:
		o.Created = u.effect.Created
		o.Tag = u.incarnation(u.driver.(*storeDriver).next)
		u.at(o, u.effect.Incarnation, u.effect.Seq)
	case scenarios.Delete:
		u.reportFinalState(&u.ledger.Final[len(u.ledger.Final)-1], o)
	default:
		return false
	}
	return true
}

// at sets the incarnation that the operation used, and its count of changes.
func (u *user) at(o *history.Op, incarnation, n uint64) {
	o.Parts |= history.PartIncarnation | history.PartVersion
	o.Incarnation, o.Version = u.incarnation(incarnation), n
	if !u.trial.byVersion {
		o.Parts |= history.PartSeq
		o.Seq = n
	}
}

// incarnation converts an incarnation for histories. Those of a storeDriver are tags, but for the user's number plus one;
// those of minted ids only have to differ.
func (u *user) incarnation(incarnation uint64) history.Tag {
	if u.trial.reusesIDs {
		return history.Tag(incarnation - 1<<incarnationShift)
	}
	return history.Tag(incarnation)
}

// reportMessages sets the messages that were read.
func (u *user) reportMessages(slot uint32, o *history.Op) {
	o.Parts |= history.PartMessages
	o.Messages = u.recording.shown[:0]
	n := uint64(0)
	for i := range u.effect.Messages {
		m := &u.effect.Messages[i]
		n = m.Seq
		t := history.InvalidTag
		if word, ok := u.texts.contents.word(m.Content); ok && m.Role == role(word) {
			t = tagOf(word, m.Seq)
		}
		o.Messages = append(o.Messages, t)
	}
	if u.trial.reusesIDs {
		n = u.effect.Seq
	}
	u.at(o, u.incarnationIn(slot), n)
}

// reportFields sets the fields that were read. All of them are always written together: one that differs stands for the
// rest.
func (u *user) reportFields(o *history.Op) {
	o.Parts |= history.PartFields
	fields := u.trial.scenario.Fields
	if len(u.effect.Fields) == 0 || len(fields) == 0 {
		return
	}
	other := fields[0]
	if f := torn(u.effect.Fields, fields); f != "" {
		other = f
	}
	for i, name := range []string{fields[0], other} {
		o.Fields[i] = history.InvalidTag
		if word, ok := u.texts.contents.word(u.effect.Fields[name]); ok {
			o.Fields[i] = tagOf(word, u.effect.Version)
		}
	}
}

// reportFinalState sets the final state of a session.
func (u *user) reportFinalState(e *finalState, o *history.Op) {
	u.at(o, e.Incarnation, e.N)
	switch {
	case e.Broken != "": // the audit reports it
	case !u.trial.byVersion:
		o.Parts |= history.PartMessages
		o.Messages = u.recording.shown[:0]
		for i, word := range e.Words[:e.Kept] {
			o.Messages = append(o.Messages, tagOf(word, e.N-uint64(e.Kept)+1+uint64(i)))
		}
	case len(u.trial.scenario.Fields) > 0:
		o.Parts |= history.PartFields
		if e.Kept > 0 {
			t := tagOf(e.Words[0], e.N)
			o.Fields = [2]history.Tag{t, t}
		}
	}
}

// tagOf names a write by what it wrote and the number of the change. A user's words repeat, but each number occurs once, and
// is read together with the word. It is shown as that number and two digits for the word: "C1207" is message 12, with the
// text that begins at user 2's word 7.
//
// A tag made from the reply is as good as one made before the call: two writes with one number are found without tags, and
// otherwise word and number identify the writer.
func tagOf(word uint32, n uint64) history.Tag {
	const hundred = 100
	return history.NewTag(writer(word), n*hundred+uint64(word%wordsPerUser)-1)
}
