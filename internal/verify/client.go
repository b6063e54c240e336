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

// shared is what the users of a round share. Only the gauges are written during the round.
type shared struct {
	*Subject
	store   manager.SessionStore[manager.Session]
	target  *remote                 // in place of a store
	failed  atomic.Pointer[failure] // set once the target has failed
	creator Creator
	points  *SyncPoints
	count   int // of the users and the cleaner
	ids     []manager.ID
	slotOf  map[manager.ID]uint32
	base    time.Time
	inside  []gauge                // by slot; nil: not counted
	late    atomic.Pointer[string] // the first operation whose closure ran after it had returned
}

// gauge counts the updates that are inside one session.
type gauge struct {
	n atomic.Int32
	_ [60]byte
}

// client performs the operations of one user and records their effects. It is used by one goroutine.
type client struct {
	*shared
	user       int
	rec        *history.Recorder
	minted     []manager.ID // the sessions that it created by [Creator]
	violations []violation
	again      int // number of closures that ran more than once
	beat       *beat
	fence      history.Fence

	last    history.Outcome // of its last operation
	unknown bool            // it may have created a session whose id was lost

	conn    scenarios.Conn // to a target
	request scenarios.Request
	answer  scenarios.Effect
	waiting atomic.Pointer[pending] // the request without a response
}

// beat counts the operations that a user has completed. The user writes it; the watchdog reads it.
type beat struct {
	n atomic.Int64
	_ [56]byte
}

// violation is a violation of the contract that no history shows, and when it was found.
type violation struct {
	*history.Violation
	at int64
}

// maxViolations bounds the violations that a user records.
const maxViolations = 8

// violate records a violation that is not about one session of the pool.
func (c *client) violate(a history.Anomaly, format string, args ...any) {
	c.note(history.NewViolation(a, format, args...))
}

func (c *client) note(v *history.Violation) {
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, violation{v, c.now()})
	}
}

func (a *shared) now() int64 { return int64(time.Since(a.base)) }

// called returns the time of a call. Everything after it in program order happens later.
func (c *client) called() int64 { return c.fence.Called(c.now()) }

// returned returns the time of a return. Everything before it in program order has happened.
func (c *client) returned() int64 {
	c.fence.Returning()
	return c.now()
}

// name is the name of the user in histories.
func (c *client) name() string { return history.UserName(int32(c.user)) }

// do performs one operation and records it.
func (c *client) do(ctx context.Context, p *plan) {
	switch p.kind {
	case history.Sweep:
		c.sweep(ctx, p)
	case history.Create:
		c.create(ctx)
	default:
		c.one(ctx, p)
	}
	c.beat.n.Add(1)
}

// one performs an operation on a session of the pool.
func (c *client) one(ctx context.Context, p *plan) {
	k := &call{client: c, plan: p, op: history.Op{Kind: p.kind, User: int32(c.user)}, id: c.ids[p.slot], ending: p.ending}
	if p.kind == history.GetOrCreate || p.kind.Writes() {
		k.op.Tag = c.rec.NewTag()
	}
	if p.kind == history.Nested {
		c.rec.NewTag() // of the second message
	}
	ctx, stop := cancelling(ctx, p)
	defer stop()
	k.op.Call = c.called()
	err := k.run(ctx)
	end := c.returned()
	op := k.finish(err) // a closure that runs later does not change it
	op.Return, op.Hold = end, min(op.Hold, end-op.Call)
	if op.Outcome = k.outcome(err); op.Outcome == history.Indeterminate {
		op.Return = history.Never
	}
	if op.Outcome != 0 {
		c.rec.Add(p.slot, op)
	}
	c.last = op.Outcome
}

// cancelling returns the ctx of an operation, cancelled as planned.
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

// call is one operation in progress. A store that runs a closure after the operation has returned writes here, not into the
// next operation of the client.
type call struct {
	*client
	plan *plan
	id   manager.ID

	mu     sync.Mutex // protects the fields below against closures that run late
	op     history.Op
	runs   int    // of the closure
	over   bool   // the operation has returned
	ending Ending // as planned, or Returns where that is not checked

	panicked any // value with which the store's method panicked
}

// errPlanned is the error that closures return or panic with as planned.
var errPlanned = errors.New("planned failure")

// run calls the store and recovers from a panic.
func (k *call) run(ctx context.Context) (err error) {
	defer func() { k.panicked = recover() }()
	if k.target != nil {
		return k.perform(ctx)
	}
	switch k.plan.kind {
	case history.GetOrCreate:
		created, err := k.store.GetOrCreate(ctx, k.id, k.make, func(s *manager.Session) { k.inspect(ctx, s) })
		k.mu.Lock()
		k.op.Created = created
		k.mu.Unlock()
		return err
	case history.ReadMessages, history.ReadFields:
		return k.store.View(ctx, k.id, k.read)
	case history.Delete:
		last, err := k.store.Delete(ctx, k.id)
		if err == nil {
			k.record(&last, history.PartIncarnation|history.PartVersion|history.PartSeq|history.PartMessages|history.PartFields)
		}
		return err
	default:
		return k.store.Update(ctx, k.id, k.change)
	}
}

// make creates the session of GetOrCreate. A store may call it and discard its result.
func (k *call) make() manager.Session {
	k.plan.inside.apply()
	return manager.Session{Incarnation: uint64(k.op.Tag), Touched: k.now()}
}

// inspect is the closure of GetOrCreate.
func (k *call) inspect(ctx context.Context, s *manager.Session) {
	k.begin()
	k.record(s, history.PartIncarnation|history.PartVersion|history.PartSeq)
	k.points.Reach(ctx, Inside)
	if history.Tag(s.Incarnation) == k.op.Tag {
		k.ending = Returns // the contract does not say whether a session stays whose creator panics
	}
	_ = k.end()
}

// read is the closure of a read. It reads twice, with a pause between: the session must not change meanwhile.
func (k *call) read(ctx context.Context, s *manager.Session) error {
	k.begin()
	k.record(s, history.PartIncarnation|history.PartVersion)
	k.points.Reach(ctx, Inside)
	k.plan.inside.apply()
	if k.plan.kind == history.ReadFields {
		k.record(s, history.PartFields)
	} else {
		k.record(s, history.PartSeq|history.PartMessages)
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
	k.points.Reach(ctx, Inside)
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
	k.plan.inside.apply() // between the change and the release of the lock
	if k.plan.ending != Returns && k.Guarantees.Rollback {
		s = &before
	}
	k.record(s, history.PartIncarnation|history.PartVersion|history.PartSeq)
	k.held(k.now() - begun)
	return k.end()
}

// held records how long the closure of a write held the session, where updates are exclusive.
func (k *call) held(ns int64) {
	if !k.Guarantees.ExclusiveUpdates {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.op.Hold = ns
}

// nested is the closure of an update inside an update.
func (k *call) nested(_ context.Context, s *manager.Session) error {
	s.Append(role, tagText(k.op.Tag+1))
	return nil
}

// begin records that the closure runs and reports whether its operation has already returned.
func (k *call) begin() (late bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		name := k.op.String()
		k.late.CompareAndSwap(nil, &name)
		return true
	}
	k.runs++
	return false
}

// end ends the closure as planned.
func (k *call) end() error {
	switch k.ending {
	case Fails:
		return errPlanned
	case Panics:
		panic(errPlanned)
	}
	return nil
}

// violate records a violation in the session of the operation.
func (k *call) violate(a history.Anomaly, format string, args ...any) {
	v := history.NewViolation(a, format, args...)
	v.Session = k.id
	k.note(v)
}

// overlap records that n updates are inside one session.
func (k *call) overlap(n int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.violate(history.MutualExclusion, "%d users were inside an update of the same session at once, %s among them", n, k.name())
	}
}

// finish records that the operation has returned, checks how often its closure ran, and returns the operation.
func (k *call) finish(err error) history.Op {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	if k.runs > 1 {
		k.again++
		if k.Guarantees.ExclusiveUpdates && k.plan.kind.Writes() {
			k.violate(history.RepeatedClosure, "%s's closure ran %d times; the store declares that it runs once",
				k.op.String(), k.runs)
		}
	}
	if err == nil && k.runs == 0 && k.panicked == nil && k.plan.kind != history.Delete {
		k.violate(history.UnexpectedError, "%s returned without an error, but its closure never ran", k.op.String())
	}
	return k.op
}

// outcome classifies how the store's method ended. 0: a violation was recorded, and the operation is not part of the history.
func (k *call) outcome(err error) history.Outcome {
	unexpected := func(format string, args ...any) history.Outcome {
		k.violate(history.UnexpectedError, format, args...)
		return 0
	}
	failed := history.Failed
	if !k.plan.kind.Writes() {
		failed = history.OK // a read has seen the session, whatever its closure returned
	} else if k.Guarantees.Rollback {
		failed = history.RolledBack
	}
	wants := k.ending
	switch {
	case k.panicked != nil:
		if e, ok := k.panicked.(error); ok && errors.Is(e, errPlanned) && wants == Panics {
			return failed
		}
		return unexpected("%s: panic: %v", k.op.String(), k.panicked)
	case err == nil && wants == Panics:
		k.violate(history.LostPanic, "%s: its closure panicked, and the panic did not reach the caller", k.op.String())
		return failed
	case err == nil && wants == Fails:
		return unexpected("%s: its closure failed, and the error did not reach the caller", k.op.String())
	case err == nil && k.plan.cancel == cancelledBefore:
		return unexpected("%s was performed although its ctx had ended before the call", k.op.String())
	case err == nil:
		return history.OK
	case errors.Is(err, errPlanned) && wants == Fails:
		return failed
	case errors.Is(err, scenarios.ErrUnavailable):
		return history.Indeterminate
	case k.Reliable && (errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied)):
		return unexpected("%s: %v", k.op.String(), err)
	case errors.Is(err, manager.ErrNotFound) && (k.runs == 0 || !k.alone()):
		return history.NotFound
	case errors.Is(err, manager.ErrIndeterminate):
		return history.Indeterminate
	case errors.Is(err, manager.ErrConflict):
		return history.NotApplied
	case errors.Is(err, manager.ErrNotApplied): // the ctx ended, or the store gave up for another reason
		if k.alone() && k.runs > 0 {
			k.violate(history.RefusedAfterRun, "%s returned ErrNotApplied although its closure had run", k.op.String())
		}
		return history.NotApplied
	}
	return unexpected("%s: %v", k.op.String(), err)
}

// alone reports whether the store declares that the closure of this operation runs once and to its end.
func (k *call) alone() bool {
	return k.Guarantees.ExclusiveUpdates && k.plan.kind.Writes() && k.target == nil
}

// record records what the operation has seen.
func (k *call) record(s *manager.Session, parts history.Parts) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	record(&k.op, s, parts)
}

func record(op *history.Op, s *manager.Session, parts history.Parts) {
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

// tagsOf appends the tags of messages.
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

// fieldTags returns the tags of fields.
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

// sweep removes idle sessions. Each session that it removes is recorded as an operation, with the state that was judged and
// the final state; each that it leaves is recorded as a read.
func (c *client) sweep(ctx context.Context, p *plan) {
	type found struct {
		slot uint32
		history.Op
	}
	var (
		mu     sync.Mutex // protects judged and seen: a store may judge several sessions at once
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
		record(&op, s, history.PartIncarnation|history.PartVersion|history.PartSeq)
		goes := s.Touched <= start-int64(p.idle)
		p.inside.apply()
		c.points.Reach(ctx, Inside)
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
			c.violate(history.UnexpectedError, "%s's sweep removed a session that was not judged to be expired", c.name())
			return
		}
		delete(judged, id)
		record(&op, &last, history.PartSeq|history.PartMessages|history.PartFields)
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
	case indeterminate(err):
		for id, op := range judged { // each may have been removed
			op.Outcome, op.Return = history.Indeterminate, history.Never
			c.rec.Add(c.slotOf[id], op)
		}
	case err != nil:
		c.violate(history.UnexpectedError, "%s's sweep: %v", c.name(), err)
	case n != handed:
		c.violate(history.UnexpectedError, "%s's sweep returned %d, but passed %d sessions to its callback", c.name(), n, handed)
	}
}

// create creates a session by the manager or in the target, which mints the id. A session of a store is then read.
func (c *client) create(ctx context.Context) {
	op := history.Op{Kind: history.Create, Outcome: history.OK, Created: true, Call: c.called()}
	id, err := c.createIn(ctx)
	op.Return = c.returned()
	switch {
	case errors.Is(err, scenarios.ErrUnavailable):
		return
	case indeterminate(err):
		c.unknown = true // it may exist under an unknown id
		return
	case err != nil:
		c.violate(history.UnexpectedError, "%s's create: %v", c.name(), err)
		return
	case id.Version() != 4:
		c.violate(history.WeakID, "%s got the id %v, which is not a random (version 4) UUID",
			c.name(), id)
	}
	if c.target != nil {
		c.recordAnswer(&op, &c.answer)
	}
	op.Tag = history.Tag(manager.IncarnationOf(id))
	number := c.numberOf(len(c.minted))
	c.minted = append(c.minted, id)
	c.rec.Add(number, op)
	if c.target != nil {
		return
	}
	read := history.Op{Kind: history.ReadMessages, Outcome: history.OK, Call: c.called()}
	err = c.store.View(ctx, id, func(_ context.Context, s *manager.Session) error {
		record(&read, s, history.PartIncarnation|history.PartVersion|history.PartSeq|history.PartMessages)
		return nil
	})
	read.Return = c.returned()
	switch {
	case indeterminate(err):
	case err != nil:
		c.violate(history.LostSession, "%s created a session and could not read it: %v",
			c.name(), err)
	default:
		c.rec.Add(number, read)
	}
}

// numberOf returns the number of the k-th session that the user has created, which no other session has.
func (c *client) numberOf(k int) uint32 { return uint32(len(c.ids) + c.user + k*c.count) }

func (c *client) createIn(ctx context.Context) (manager.ID, error) {
	if c.target == nil {
		return c.creator.CreateSession(ctx)
	}
	c.request = scenarios.Request{Op: scenarios.Create, Kind: scenarios.ChatDriver}
	if !c.target.Supports(scenarios.Append) {
		c.request.Kind = scenarios.BoardDriver
	}
	err := c.exchange(ctx, c.name()+"'s create")
	return c.answer.ID, err
}

// The messages and fields hold tags, as numbers in text.
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
