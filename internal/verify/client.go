package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// arena is what the users of a round share. They only read it, but for the gauges.
type arena struct {
	store      manager.SessionStore[manager.Session]
	target     *audience // in place of a store
	sure       bool      // see [Subject]
	gone       atomic.Pointer[gone]
	front      Front
	guarantees manager.Guarantees
	turnstile  *Turnstile
	ids        []manager.ID
	slotOf     map[manager.ID]uint32
	base       time.Time
	inside     []gauge // of each slot; nil: nobody counts
	late       lateRuns
}

// lateRuns counts closures that ran when their callers had gone. A right store never comes here.
type lateRuns struct {
	mu  sync.Mutex // protects what follows
	n   int
	who string // the first one's caller
}

// gauge counts the updates under way in one session.
type gauge struct {
	n atomic.Int32
	_ [60]byte
}

// client is one user's way to the store: it does operations and records what came of them. It belongs to one goroutine.
type client struct {
	*arena
	user   int
	rec    *history.Recorder
	mints  *history.Recorder // of the sessions that it had minted
	minted []manager.ID
	faults []offence
	again  int // closures that ran more than once
	beat   *beat
	fence  history.Fence

	last    history.Outcome // of its last operation
	unknown bool            // it may have left a session that nobody can find

	conn    scenarios.Conn // its way to a target, and what it is asked and told there
	request scenarios.Request
	answer  scenarios.Effect
	waiting atomic.Pointer[pending] // for the target's answer
}

// beat rises with everything that a user gets done. It alone writes it; the watchdog reads it.
type beat struct {
	n atomic.Int64
	_ [56]byte
}

// offence is something that a store did and must not have done, beside what a history shows.
type offence struct {
	anomaly history.Anomaly
	check   history.Detector
	slot    int // -1: not about one session of the pool
	at      int64
	why     string
}

// maxFaults is how many faults a user notes down.
const maxFaults = 8

func (c *client) fault(check history.Detector, a history.Anomaly, slot uint32, format string, args ...any) {
	if len(c.faults) < maxFaults {
		c.faults = append(c.faults, offence{a, check, int(slot), c.now(), fmt.Sprintf(format, args...)})
	}
}

func (c *client) now() int64 { return int64(time.Since(c.base)) }

// called is the time of a call. What follows happens after it.
func (c *client) called() int64 { return c.fence.Called(c.now()) }

// returned is the time of a return. What precedes has happened before it.
func (c *client) returned() int64 {
	c.fence.Returning()
	return c.now()
}

// do does one operation and records it.
func (c *client) do(ctx context.Context, p *plan) {
	switch p.kind {
	case history.Sweep:
		c.sweep(ctx, p)
	case history.Create:
		if c.target != nil {
			c.createAt(ctx)
		} else {
			c.create(ctx)
		}
	default:
		c.one(ctx, p)
	}
	c.beat.n.Add(1)
}

// one does an operation on a session of the pool.
func (c *client) one(ctx context.Context, p *plan) {
	k := &call{client: c, plan: p, op: history.Op{Kind: p.kind, User: int32(c.user)}, id: c.ids[p.slot], ending: p.ending}
	if p.kind == history.GetOrCreate || p.kind.Writes() {
		k.op.Tag = c.rec.NewTag()
	}
	if p.kind == history.Nested {
		c.rec.NewTag() // the second message's
	}
	ctx, stop := cancelling(ctx, p)
	defer stop()
	k.op.Call = c.called()
	err := k.run(ctx)
	end := c.returned()
	op := k.finish(err) // a closure that runs later leaves it alone
	op.Return, op.Hold = end, min(op.Hold, end-op.Call)
	if op.Outcome = k.outcome(err); op.Outcome == history.Indeterminate {
		op.Return = history.Never
	}
	if op.Outcome != 0 {
		c.rec.Add(p.slot, op)
	}
	c.last = op.Outcome
}

// cancelling gives an operation the ctx that its plan wants.
func cancelling(ctx context.Context, p *plan) (context.Context, func()) {
	if p.cancel == neverCancelled {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	if p.cancel == cancelledBefore {
		cancel()
		return ctx, cancel
	}
	timer := time.AfterFunc(p.delay, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// call is one operation under way. A store that keeps a closure and runs it when the caller is gone writes here, and not
// into what its client does next.
type call struct {
	*client
	plan *plan
	id   manager.ID

	mu     sync.Mutex // protects what follows against a closure that runs when the caller has gone
	op     history.Op
	runs   int    // of the closure
	over   bool   // the caller has gone
	ending Ending // as planned, unless the closure cannot end so

	panicked any // what came out of the store's method
}

// errPlanned is what a closure that is to fail returns, and what it panics with.
var errPlanned = errors.New("planned failure")

// run calls the store. A panic is caught, whoever it belongs to.
func (k *call) run(ctx context.Context) (err error) {
	defer func() { k.panicked = recover() }()
	if k.target != nil {
		return k.ask(ctx)
	}
	switch k.plan.kind {
	case history.GetOrCreate:
		created, err := k.store.GetOrCreate(ctx, k.id, k.make, func(s *manager.Session) { k.look(ctx, s) })
		k.mu.Lock()
		k.op.Created = created
		k.mu.Unlock()
		return err
	case history.ReadMessages, history.ReadFields:
		return k.store.View(ctx, k.id, k.read)
	case history.Delete:
		last, err := k.store.Delete(ctx, k.id)
		if err == nil {
			k.tell(&last, history.PartIncarnation|history.PartVersion|history.PartSeq|history.PartMessages|history.PartFields)
		}
		return err
	default:
		return k.store.Update(ctx, k.id, k.change)
	}
}

// make is what GetOrCreate makes a session with. It may run and its value be discarded.
func (k *call) make() manager.Session {
	k.plan.inside.apply()
	return manager.Session{Incarnation: uint64(k.op.Tag), Touched: k.now()}
}

// look is GetOrCreate's look at the session.
func (k *call) look(ctx context.Context, s *manager.Session) {
	k.begin()
	k.tell(s, history.PartIncarnation|history.PartVersion|history.PartSeq)
	k.turnstile.Pass(ctx, Inside)
	if history.Tag(s.Incarnation) == k.op.Tag {
		k.ending = Returns // whether a session stays whose creator panics is nobody's promise
	}
	_ = k.end()
}

// read is the closure of a read. It looks twice, with a pause between: what it is shown must not change meanwhile.
func (k *call) read(ctx context.Context, s *manager.Session) error {
	k.begin()
	k.tell(s, history.PartIncarnation|history.PartVersion)
	k.turnstile.Pass(ctx, Inside)
	k.plan.inside.apply()
	if k.plan.kind == history.ReadFields {
		k.tell(s, history.PartFields)
	} else {
		k.tell(s, history.PartSeq|history.PartMessages)
	}
	return k.end()
}

// change is the closure of a write.
func (k *call) change(ctx context.Context, s *manager.Session) error {
	late, begun := k.begin(), k.now()
	if k.inside != nil {
		g := &k.inside[k.plan.slot].n
		if n := g.Add(1); n > 1 {
			k.overlap(n)
		}
		defer g.Add(-1)
	}
	before := *s
	k.turnstile.Pass(ctx, Inside)
	k.plan.inside.apply()
	s.Touched = k.now()
	switch k.plan.kind {
	case history.Update:
		text := tagText(k.op.Tag)
		s.SetFields(map[string]string{fieldNames[0]: text, fieldNames[1]: text})
	case history.Append:
		s.Append(role, tagText(k.op.Tag))
	case history.Nested:
		s.Append(role, tagText(k.op.Tag))
		if err := k.store.Update(ctx, k.id, k.nested); err != nil {
			return fmt.Errorf("update inside an update: %w", err)
		}
	}
	if late {
		return nil
	}
	k.plan.inside.apply() // changed, and not yet released
	if k.plan.ending != Returns && k.guarantees.Rollback {
		s = &before
	}
	k.tell(s, history.PartIncarnation|history.PartVersion|history.PartSeq)
	k.held(k.now() - begun)
	return k.end()
}

// held notes how long the closure of a write had the session, where nobody else may have it meanwhile.
func (k *call) held(ns int64) {
	if !k.guarantees.ExclusiveUpdates {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.op.Hold = ns
}

// nested is the closure inside a closure.
func (k *call) nested(_ context.Context, s *manager.Session) error {
	s.Append(role, tagText(k.op.Tag+1))
	return nil
}

// begin notes that the closure runs, and reports whether nobody waits for it any more.
func (k *call) begin() (late bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		k.late.note(k.op.String())
		return true
	}
	k.runs++
	return false
}

func (l *lateRuns) note(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.n++; l.n == 1 {
		l.who = who
	}
}

// end is how a closure ends.
func (k *call) end() error {
	switch k.ending {
	case Fails:
		return errPlanned
	case Panics:
		panic(errPlanned)
	}
	return nil
}

// overlap notes that n updates are inside one session.
func (k *call) overlap(n int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.fault(history.ByOccupancy, history.MutualExclusion, k.plan.slot,
			"%d users were inside an update of the same session at once, %s among them", n, history.UserName(int32(k.user)))
	}
}

// finish notes that the caller has gone, and what the closure cannot have done. It returns the operation as it is by then.
func (k *call) finish(err error) history.Op {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	if k.runs > 1 {
		k.again++
		if k.guarantees.ExclusiveUpdates && k.plan.kind.Writes() {
			k.fault(history.ByAnswers, history.RepeatedClosure, k.plan.slot, "%s's closure ran %d times, and the store promises that it runs once",
				k.op.String(), k.runs)
		}
	}
	if err == nil && k.runs == 0 && k.panicked == nil && k.plan.kind != history.Delete {
		k.fault(history.ByAnswers, history.UnexpectedError, k.plan.slot, "%s came back without an error, and its closure never ran", k.op.String())
	}
	return k.op
}

// outcome judges how the store's method ended. 0: the operation must not be in the history, and a fault says why.
func (k *call) outcome(err error) history.Outcome {
	wild := func(format string, args ...any) history.Outcome {
		k.fault(history.ByAnswers, history.UnexpectedError, k.plan.slot, format, args...)
		return 0
	}
	failed := history.Failed
	if !k.plan.kind.Writes() {
		failed = history.OK // a read that was shown the session, whatever it returned
	} else if k.guarantees.Rollback {
		failed = history.RolledBack
	}
	wants := k.ending
	switch {
	case k.panicked != nil:
		if e, ok := k.panicked.(error); ok && errors.Is(e, errPlanned) && wants == Panics {
			return failed
		}
		return wild("%s: panic: %v", k.op.String(), k.panicked)
	case err == nil && wants == Panics:
		k.fault(history.ByAnswers, history.LostPanic, k.plan.slot, "%s: its closure panicked, and the panic did not reach the caller", k.op.String())
		return failed
	case err == nil && wants == Fails:
		return wild("%s: its closure failed, and the error did not reach the caller", k.op.String())
	case err == nil && k.plan.cancel == cancelledBefore:
		return wild("%s was carried out although its ctx had ended before", k.op.String())
	case err == nil:
		return history.OK
	case errors.Is(err, errPlanned) && wants == Fails:
		return failed
	case errors.Is(err, scenarios.ErrUnavailable):
		return history.Indeterminate
	case k.sure && (errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied)):
		return wild("%s: %v", k.op.String(), err)
	case errors.Is(err, manager.ErrNotFound) && (k.runs == 0 || !k.alone()):
		return history.NotFound
	case errors.Is(err, manager.ErrIndeterminate):
		return history.Indeterminate
	case errors.Is(err, manager.ErrConflict):
		return history.NotApplied
	case errors.Is(err, manager.ErrNotApplied): // given up: the caller's ctx, or a reason of the store's own
		if k.alone() && k.runs > 0 {
			k.fault(history.ByAnswers, history.RefusedAfterRun, k.plan.slot, "%s: its caller was told ErrNotApplied, and its closure had run", k.op.String())
		}
		return history.NotApplied
	}
	return wild("%s: %v", k.op.String(), err)
}

// alone reports whether the store promises that this operation's closure runs once only, and then comes to its end.
func (k *call) alone() bool {
	return k.guarantees.ExclusiveUpdates && k.plan.kind.Writes() && k.target == nil
}

// tell notes what the operation was shown.
func (k *call) tell(s *manager.Session, parts history.Parts) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	tell(&k.op, s, parts)
}

func tell(op *history.Op, s *manager.Session, parts history.Parts) {
	op.Parts |= parts
	if parts&history.PartIncarnation != 0 {
		op.Incarnation = history.Tag(s.Incarnation)
	}
	if parts&history.PartVersion != 0 {
		op.Version = s.Version
	}
	if parts&history.PartSeq != 0 {
		op.Seq = s.Seq
	}
	if parts&history.PartMessages != 0 {
		op.Messages = tagsOf(op.Messages[:0], s.History(nil))
	}
	if parts&history.PartFields != 0 {
		op.Fields = fieldTags(s.Fields)
	}
}

// tagsOf appends the tags that messages hold.
func tagsOf(tags []history.Tag, messages []manager.Message) []history.Tag {
	for _, m := range messages {
		t := parseTag(m.Content)
		if m.Role != role {
			t = history.InvalidTag
		}
		tags = append(tags, t)
	}
	return tags
}

// fieldTags are the tags that fields hold.
func fieldTags(fields map[string]string) (tags [2]history.Tag) {
	for i, name := range fieldNames {
		if text, set := fields[name]; set {
			tags[i] = parseTag(text)
		}
	}
	if len(fields) > len(fieldNames) {
		tags[1] = history.InvalidTag
	}
	return tags
}

// sweep removes what was idle. Each session that it takes is an operation of its own, told what was judged and what was
// handed over; each that it lets live is a read.
func (c *client) sweep(ctx context.Context, p *plan) {
	type found struct {
		slot uint32
		history.Op
	}
	var (
		mu     sync.Mutex // protects what follows: a store may judge several sessions at a time
		judged = map[manager.ID]history.Op{}
		seen   []found
		start  = c.called()
	)
	expired := func(id manager.ID, s *manager.Session) bool {
		slot, ours := c.slotOf[id]
		if !ours {
			return false
		}
		op := history.Op{Kind: history.SweepRead, Outcome: history.OK, Call: start}
		tell(&op, s, history.PartIncarnation|history.PartVersion|history.PartSeq)
		goes := s.Touched <= start-int64(p.idle)
		p.inside.apply()
		c.turnstile.Pass(ctx, Inside)
		op.Return = c.returned()
		mu.Lock()
		defer mu.Unlock()
		if goes {
			op.Kind = history.Sweep
			judged[id] = op
		} else {
			seen = append(seen, found{slot, op})
		}
		return goes
	}
	removed := func(id manager.ID, last manager.Session) {
		mu.Lock()
		defer mu.Unlock()
		slot, ours := c.slotOf[id]
		op, known := judged[id]
		if !ours || !known {
			c.fault(history.ByAnswers, history.UnexpectedError, slot, "%s's sweep handed over a session that nobody had found to be expired", history.UserName(int32(c.user)))
			return
		}
		delete(judged, id)
		tell(&op, &last, history.PartSeq|history.PartMessages|history.PartFields)
		op.Return = history.Never // until the sweep is over
		seen = append(seen, found{slot, op})
	}
	n, err := c.store.Sweep(ctx, expired, removed)
	end := c.returned()
	mu.Lock()
	defer mu.Unlock()
	handed := 0
	for _, f := range seen {
		if f.Kind == history.Sweep {
			handed++
		}
		f.Return = min(f.Return, end)
		c.rec.Add(f.slot, f.Op)
	}
	switch {
	case unsettled(err):
		for id, op := range judged { // removed, perhaps
			op.Outcome, op.Return = history.Indeterminate, history.Never
			c.rec.Add(c.slotOf[id], op)
		}
	case err != nil:
		c.fault(history.ByAnswers, history.UnexpectedError, 0, "%s's sweep: %v", history.UserName(int32(c.user)), err)
	case n != handed:
		c.fault(history.ByAnswers, history.UnexpectedError, 0, "%s's sweep says that it removed %d sessions, and handed over %d", history.UserName(int32(c.user)), n, handed)
	}
}

// create has an id minted, and looks at what it got.
func (c *client) create(ctx context.Context) {
	op := history.Op{Kind: history.Create, Outcome: history.OK, Created: true, Call: c.called()}
	id, err := c.front.CreateSession(ctx)
	op.Return = c.returned()
	if unsettled(err) {
		c.unknown = true // it may be there, under an id that nobody was told
		return
	}
	if err != nil {
		c.fault(history.ByAnswers, history.UnexpectedError, 0, "%s's create: %v", history.UserName(int32(c.user)), err)
		return
	}
	if id.Version() != 4 {
		c.fault(history.ByAnswers, history.WeakID, 0, "%s was given the id %v, which is not a random (version 4) UUID", history.UserName(int32(c.user)), id)
	}
	op.Tag = history.Tag(manager.IncarnationOf(id))
	c.mints.Add(uint32(len(c.minted)), op)
	c.minted = append(c.minted, id)
	look := history.Op{Kind: history.ReadMessages, Outcome: history.OK, Call: c.called()}
	err = c.store.View(ctx, id, func(_ context.Context, s *manager.Session) error {
		tell(&look, s, history.PartIncarnation|history.PartVersion|history.PartSeq|history.PartMessages)
		return nil
	})
	look.Return = c.returned()
	if unsettled(err) {
		return
	}
	if err != nil {
		c.fault(history.ByAnswers, history.LostSession, 0, "%s created a session and could not read it: %v", history.UserName(int32(c.user)), err)
		return
	}
	c.mints.Add(uint32(len(c.minted)-1), look)
}

// What is stored: a tag is its number in text.
const role = "user"

var fieldNames = [2]string{"left", "right"}

func tagText(t history.Tag) string { return strconv.FormatUint(uint64(t), 36) }

// parseTag reads what tagText wrote.
func parseTag(text string) history.Tag {
	n, err := strconv.ParseUint(text, 36, 64)
	if err != nil {
		return history.InvalidTag
	}
	return history.Tag(n)
}
