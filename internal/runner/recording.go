package runner

import (
	"errors"
	"math"
	"runtime"

	"github.com/sessbench/sessbench/internal/audit"
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
// there are none, the version. Uses that are not counted, and checks that read nothing, are left out.
//
// preparation and sweepEnded may be called on nil, which records nothing.
type recording struct {
	slots   *slots // the user's
	ledger  *audit.Ledger
	effect  *scenarios.Effect
	rules   *audit.Rules
	counted scenarios.Properties
	kinds   [scenarios.NumOps]history.Kind // of the operations in a history

	fence  history.Fence
	room   *pages     // where pages come from
	pages  [][]uint64 // that were taken: records, each of some words
	left   []uint64   // of the last page
	ops    int        // recorded
	cut    bool       // there were no more pages
	minted []minted
	next   uint32                            // number of the next session that this user makes
	stride uint32                            // from there to the one after it
	steps  int64                             // taken before the barrier
	swept  []sweepEnd                        // of a user that sweeps
	shown  [manager.HistoryLimit]history.Tag // by the last read
}

// sweepEnd is the end of a sweep, and the number of final states that the sweeper had received by then.
type sweepEnd struct {
	handed int
	at     int64
}

// minted is the number of a session.
type minted struct {
	number uint32
	id     manager.ID
}

// recordRoom is how many bytes the recordings of a trial may take together. Putting histories together takes some times as much.
const recordRoom = 256 << 20

// record has a user record operations.
func (u *user) record(room *pages) {
	tr := u.trial
	u.recording = &recording{
		slots: &u.slots, ledger: &u.ledger, effect: &u.effect, rules: &tr.rules, counted: tr.counted, room: room,
		kinds: kindsOf(tr.counted),
	}
}

// sweepEnded notes the end of a sweep.
func (c *recording) sweepEnded(handed int, at int64) {
	if c != nil {
		c.swept = append(c.swept, sweepEnd{handed, at})
	}
}

// longBefore is the time of the preloader's first operation. Before the barrier there is no clock, but its operations follow
// one another, so each gets a later time.
const longBefore = math.MinInt64 / 2

// preparation records an operation before the barrier, if its session is recorded.
func (c *recording) preparation(op scenarios.Op, slot uint32) {
	if c == nil || c.slots.number(slot) == 0 {
		return
	}
	c.steps++
	if at := longBefore + c.steps; op.Does(scenarios.Mints) {
		c.creation(slot, at, at)
	} else {
		c.operation(op, slot, at, at, nil)
	}
}

// creation records the creation of a session under a new id.
func (c *recording) creation(slot uint32, call, end int64) {
	number, id := c.slots.numbers[slot], c.slots.ids[slot]
	c.minted = append(c.minted, minted{number, id})
	c.note(number, &history.Op{
		Call: call, Return: end, Kind: history.Create, Outcome: history.OK, Created: true,
		Tag: history.Tag(manager.IncarnationOf(id)),
	})
}

// operation records an operation on a recorded session, and its duration. Sampled, and yet nearly as hot as
// the operations themselves where all sessions are.
func (c *recording) operation(op scenarios.Op, slot uint32, call, end int64, err error) {
	if op.Does(scenarios.Mints) {
		if err == nil { // otherwise the id of a session that was created is not known
			c.slots.numbers[slot] = c.next
			c.next += c.stride
			c.creation(slot, call, end)
		}
		return
	}
	o := history.Op{Call: call, Return: end, Kind: c.kinds[op], Outcome: outcome(err)}
	switch {
	case o.Outcome == history.OK:
		if !c.report(op, slot, &o) {
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
	c.note(c.slots.numbers[slot], &o)
}

// A record is the words of an operation: the session's number and what fits beside it, the members of a [history.Op], the number of messages
// read, then the fields and the messages. Words instead of an Op take half the memory.
const (
	recordWords = 7               // without fields and messages
	usualWords  = recordWords + 8 // of an operation, in the mean

	kindShift, outcomeShift, partsShift, createdShift = 32, 40, 48, 56
)

// note records an operation while there is room.
func (c *recording) note(number uint32, op *history.Op) {
	n := recordWords + len(op.Messages)
	if op.Parts&history.PartFields != 0 {
		n += len(op.Fields)
	}
	if len(c.left) < n && !c.newPage(n) {
		return
	}
	w := c.left[:n]
	c.left = c.left[n:]
	c.ops++
	w[0] = uint64(number) | uint64(op.Kind)<<kindShift | uint64(op.Outcome)<<outcomeShift | uint64(op.Parts)<<partsShift
	if op.Created {
		w[0] |= 1 << createdShift
	}
	w[1], w[2] = uint64(op.Call), uint64(op.Return)
	w[3], w[4] = uint64(op.Tag), uint64(op.Incarnation)
	w[5], w[6] = op.Version, uint64(len(op.Messages)) // Seq is Version or not reported: see at
	w = w[recordWords:]
	if op.Parts&history.PartFields != 0 {
		w[0], w[1] = uint64(op.Fields[0]), uint64(op.Fields[1])
		w = w[len(op.Fields):]
	}
	for i, t := range op.Messages {
		w[i] = uint64(t)
	}
}

// newPage begins a new page, for a record of n words first. It reports whether there is one.
func (c *recording) newPage(n int) bool {
	if !c.cut {
		c.left = c.room.take(n)
		c.cut = c.left == nil
	}
	if !c.cut {
		c.pages = append(c.pages, c.left)
	}
	return !c.cut
}

// recorder returns the recorded operations.
func (c *recording) recorder() *history.Recorder {
	r := history.NewRecorder(c.ledger.User, c.ops, c.ops*(usualWords-recordWords))
	var messages []history.Tag
	for _, w := range c.pages {
		for len(w) >= recordWords && w[0] != 0 { // numbers begin at 1
			op := history.Op{
				Kind: history.Kind(w[0] >> kindShift), Outcome: history.Outcome(w[0] >> outcomeShift),
				Parts: history.Parts(w[0] >> partsShift), Created: w[0]>>createdShift != 0,
				Call: int64(w[1]), Return: int64(w[2]), Tag: history.Tag(w[3]), Incarnation: history.Tag(w[4]), Version: w[5],
			}
			if op.Parts&history.PartSeq != 0 {
				op.Seq = op.Version
			}
			number, n := uint32(w[0]), int(w[6])
			w = w[recordWords:]
			if op.Parts&history.PartFields != 0 {
				op.Fields = [2]history.Tag{history.Tag(w[0]), history.Tag(w[1])}
				w = w[len(op.Fields):]
			}
			messages = messages[:0]
			for _, t := range w[:n] {
				messages = append(messages, history.Tag(t))
			}
			op.Messages, w = messages, w[n:]
			r.Add(number, op)
		}
	}
	runtime.KeepAlive(c.room)
	return r
}

// kindsOf returns the kinds of the operations in a history. A change that is not counted shows only whether the session exists.
func kindsOf(counted scenarios.Properties) (kinds [scenarios.NumOps]history.Kind) {
	for op := range scenarios.NumOps {
		does := op.Properties()
		if does.Have(scenarios.Mutates &^ counted) {
			does = scenarios.Finds
		}
		kinds[op] = history.KindOf(does)
	}
	return kinds
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

// report sets the effect of an operation that has just succeeded. false: the operation is not part of a history.
func (c *recording) report(op scenarios.Op, slot uint32, o *history.Op) bool {
	e := c.effect
	switch {
	case op.Does(c.counted):
		t := c.ledger.Find(c.slots.first + slot)
		o.Tag = tagOf(t.Word, t.Last)
		c.at(o, t.Incarnation, t.Last)
	case op.Does(scenarios.ReadsMessages):
		o.Parts |= history.PartMessages
		o.Messages = c.shown[:0]
		n := uint64(0)
		for i := range e.Messages {
			m := &e.Messages[i]
			n = m.Seq
			t := history.InvalidTag
			if word, ok := c.rules.Contents.Message(m); ok {
				t = tagOf(word, m.Seq)
			}
			o.Messages = append(o.Messages, t)
		}
		if e.Reported&scenarios.ReportsSeq != 0 {
			n = e.Seq
		}
		c.at(o, e.Incarnation, n)
	case op.Does(scenarios.ReadsFields):
		c.at(o, e.Incarnation, e.Version)
		c.fields(o)
	case op.Does(scenarios.Ensures):
		o.Created = e.Created
		o.Tag = history.Tag(e.Made)
		c.at(o, e.Incarnation, e.Seq)
	case op.Does(scenarios.Removes):
		c.finalState(&c.ledger.Final[len(c.ledger.Final)-1], o)
	default:
		return false
	}
	return true
}

// at sets the incarnation that the operation used, and its count of changes.
func (c *recording) at(o *history.Op, incarnation, n uint64) {
	o.Parts |= history.PartIncarnation | history.PartVersion
	o.Incarnation, o.Version = history.Tag(incarnation), n
	if !c.rules.ByVersion {
		o.Parts |= history.PartSeq
		o.Seq = n
	}
}

// fields sets the fields that were read. All of them are always written together: one that differs stands for the
// rest.
func (c *recording) fields(o *history.Op) {
	o.Parts |= history.PartFields
	have, names := c.effect.Fields, c.rules.Fields
	if len(have) == 0 || len(names) == 0 {
		return
	}
	other := names[0]
	if f := c.rules.Torn(have); f != "" {
		other = f
	}
	for i, name := range []string{names[0], other} {
		o.Fields[i] = history.InvalidTag
		if word, ok := c.rules.Contents.Word(have[name]); ok {
			o.Fields[i] = tagOf(word, c.effect.Version)
		}
	}
}

// finalState sets the final state of a session.
func (c *recording) finalState(e *audit.Final, o *history.Op) {
	c.at(o, e.Incarnation, e.N)
	switch {
	case e.Broken != "": // the audit reports it
	case !c.rules.ByVersion:
		o.Parts |= history.PartMessages
		o.Messages = c.shown[:0]
		for i, word := range e.Words[:e.Kept] {
			o.Messages = append(o.Messages, tagOf(word, e.N-uint64(e.Kept)+1+uint64(i)))
		}
	case len(c.rules.Fields) > 0:
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
	user, own := audit.Writer(word)
	return history.NewTag(user, n*hundred+uint64(own)-1)
}
