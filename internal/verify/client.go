package verify

import (
	"context"
	"errors"
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
	subject *Subject
	store   manager.SessionStore[manager.Session]
	target  *remote                 // in place of a store
	failed  atomic.Pointer[failure] // set once the target has failed
	creator Creator
	points  *SyncPoints
	pool    pool
	newKind scenarios.DriverKind // of the sessions that users create
	base    time.Time
	gauges  []gauge                // by slot; nil: not counted
	late    atomic.Pointer[string] // the first operation whose closure ran after it had returned

	closing  closing
	restarts atomic.Int32 // odd while the target is restarted, then even again
}

// pool is the sessions that the users of a round share.
type pool struct {
	ids    []manager.ID
	slotOf map[manager.ID]uint32
	users  int // the cleaner among them
}

// number returns the number of the k-th session that a user creates under a new id, which no other session has.
func (p *pool) number(user, k int) uint32 { return uint32(len(p.ids) + user + k*p.users) }

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
	sweeps     []span // its sweeps
	unjudged   []look // of its sweeps

	last    history.Outcome // of its last operation
	unknown bool            // it may have created a session whose id was lost
	unsure  bool            // an operation of its may take effect later

	conn    scenarios.Conn // a [storeConn] or a [targetConn]
	call    *call          // the operation in progress
	request scenarios.Request
	effect  scenarios.Effect
	waiting atomic.Pointer[pending] // the request to a target without a response
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
	k := &call{client: c, plan: p, op: history.Op{Kind: p.kind, User: int32(c.user)}, id: c.pool.ids[p.slot], ending: p.ending}
	if p.kind == history.GetOrCreate || p.kind.Writes() {
		k.op.Tag = c.rec.NewTag()
	}
	if p.kind == history.Nested {
		c.rec.NewTag() // of the second message
	}
	c.request = scenarios.Request{Op: p.op, ID: k.id, Hold: p.hold, Spin: p.spin}
	switch text := tagText(k.op.Tag); p.kind {
	case history.Append:
		c.request.Role, c.request.Content = role, text
	case history.Update:
		c.request.Fields = map[string]string{fieldNames[0]: text, fieldNames[1]: text}
	}
	ctx, stop := cancelling(ctx, p)
	defer stop()
	c.describe()
	k.late = c.closing.closed.Load()
	k.op.Call = c.called()
	err := k.run(ctx)
	end := c.returned()
	done := k.finish(err) // a closure that runs later does not change it
	done.Note, done.Worker = c.effect.Note, c.effect.Worker
	if err == nil {
		c.take(&done)
	}
	done.Return, done.Hold = end, min(done.Hold, end-done.Call)
	if done.Outcome = k.outcome(err); done.Outcome == history.Indeterminate {
		done.Return = history.Never
		c.unsure = true
	}
	if done.Outcome != 0 {
		c.rec.Add(p.slot, done)
	}
	c.last = done.Outcome
}

// describe asks for notes on the next operation, also on one that fails.
func (c *client) describe() {
	c.request.Describe = c.subject.Levels
	c.effect.Note, c.effect.Worker = "", 0
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
	client *client
	what   string // in words; empty: as op
	plan   *plan
	id     manager.ID
	late   bool // it was called after Close had returned

	mu     sync.Mutex // protects the fields below against closures that run late
	op     history.Op
	runs   int    // of the closure
	over   bool   // the operation has returned
	ending Ending // as planned, or Returns where that is not checked

	panicked any // value with which the store's method panicked
}

// errPlanned is the error that closures return or panic with as planned.
var errPlanned = errors.New("planned failure")

// run performs the client's request and recovers from a panic.
func (k *call) run(ctx context.Context) (err error) {
	defer func() { k.panicked = recover() }()
	return k.client.perform(ctx, k)
}

// perform performs the client's request as the call k.
func (c *client) perform(ctx context.Context, k *call) error {
	c.call = k
	return c.conn.Do(ctx, &c.request, &c.effect)
}

// take records the effect of the client's request. What the closures of a store have seen is recorded already.
func (c *client) take(op *history.Op) {
	e := &c.effect
	op.Created = op.Created || e.Created
	if c.target != nil {
		c.target.take(op, e)
	}
}

// violate records a violation in the session of the operation.
func (k *call) violate(a history.Anomaly, format string, args ...any) {
	v := history.NewViolation(a, format, args...)
	v.Session = k.id
	k.client.note(v)
}

// finish records that the operation has returned, checks how often its closure ran, and returns the operation.
func (k *call) finish(err error) history.Op {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	if k.runs > 1 {
		k.client.again++
		if k.client.subject.Guarantees.ExclusiveUpdates && k.plan.kind.Writes() {
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
	} else if k.client.subject.Guarantees.Rollback {
		failed = history.RolledBack
	}
	wants := k.ending
	switch {
	case k.panicked != nil:
		if e, ok := k.panicked.(error); ok && errors.Is(e, errPlanned) && wants == Panics {
			return failed
		}
		return unexpected("%s: panic: %v", k.op.String(), k.panicked)
	case err == nil && k.late:
		k.violate(history.UsedAfterClose, "%s was called after Close had returned, and was acknowledged", k.op.String())
		return 0
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
	case k.client.subject.Reliable && (errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied)):
		return unexpected("%s: %v", k.op.String(), err)
	case errors.Is(err, manager.ErrNotFound) && (k.runs == 0 || !k.alone()):
		return history.NotFound
	case errors.Is(err, manager.ErrIndeterminate):
		return history.Indeterminate
	case errors.Is(err, manager.ErrConflict):
		return history.NotApplied
	case errors.Is(err, manager.ErrNotApplied), // the ctx ended, or the store gave up for another reason
		k.client.closing.refused(err):
		if k.alone() && k.runs > 0 {
			with := "ErrNotApplied"
			if errors.Is(err, manager.ErrClosed) {
				with = "ErrClosed"
			}
			k.violate(history.RefusedAfterRun, "%s returned %s although its closure had run", k.op.String(), with)
		}
		return history.NotApplied
	}
	return unexpected("%s: %v", k.op.String(), err)
}

// alone reports whether the store declares that the closure of this operation runs once and to its end.
func (k *call) alone() bool {
	return k.client.subject.Guarantees.ExclusiveUpdates && k.plan.kind.Writes() && k.client.target == nil
}

// create creates a session by the manager or in the target, which mints the id. A session of a store is then read.
func (c *client) create(ctx context.Context) {
	op := history.Op{Kind: history.Create, User: int32(c.user), Outcome: history.OK, Created: true}
	c.request = scenarios.Request{Op: scenarios.Create, Kind: c.newKind}
	c.describe()
	op.Call = c.called()
	err := c.perform(ctx, &call{client: c, op: op})
	op.Return = c.returned()
	id := c.effect.ID
	switch {
	case errors.Is(err, scenarios.ErrUnavailable):
		return
	case indeterminate(err):
		c.unknown = true // it may exist under an unknown id
		return
	case c.closing.refused(err):
		return
	case err != nil:
		c.violate(history.UnexpectedError, "%s's create: %v", c.name(), err)
		return
	case id.Version() != 4:
		c.violate(history.WeakID, "%s got the id %v, which is not a random (version 4) UUID",
			c.name(), id)
	}
	c.take(&op)
	op.Note, op.Worker = c.effect.Note, c.effect.Worker
	op.Tag = history.Tag(manager.IncarnationOf(id))
	number := c.pool.number(c.user, len(c.minted))
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
	case indeterminate(err), c.closing.refused(err):
	case err != nil:
		c.violate(history.LostSession, "%s created a session and could not read it: %v",
			c.name(), err)
	default:
		c.rec.Add(number, read)
	}
}

// remove removes a session after the round, and records its final state where a store returns it. number is that of the session's history.
func (c *client) remove(id manager.ID, number uint32) error {
	c.request = scenarios.Request{Op: scenarios.Delete, ID: id}
	k := &call{client: c, what: "the deletion of a session after the round"}
	k.op = history.Op{Kind: history.Delete, User: int32(c.user), Outcome: history.OK, Call: c.called()}
	err := c.perform(context.Background(), k)
	if k.op.Return = c.returned(); err == nil && c.target == nil {
		c.rec.Add(number, k.op)
	}
	if errors.Is(err, scenarios.ErrUnavailable) {
		return nil // recorded by the connection
	}
	return err
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
