package verify

import (
	"context"
	"fmt"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// storeConn is a user's driver of a store. Its closures pause at the planned places, end as planned, and record the session's state
// in the user's call.
type storeConn struct{ client *client }

// Do implements [scenarios.Conn].
func (c storeConn) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	e.Clear()
	k := c.client.call
	switch does := q.Op.Properties(); {
	case does.Have(scenarios.Mints):
		e.ID, err = c.client.creator.CreateSession(ctx)
	case does.Have(scenarios.Ensures):
		e.Created, err = c.client.store.GetOrCreate(ctx, q.ID, k.make, func(s *manager.Session) { k.inspect(ctx, s) })
	case does.Have(scenarios.ReadsMessages | scenarios.ReadsFields):
		err = c.client.store.View(ctx, q.ID, k.read)
	case does.Have(scenarios.Removes):
		var last manager.Session
		if last, err = c.client.store.Delete(ctx, q.ID); err == nil {
			k.record(&last, history.PartIncarnation|history.PartVersion|history.PartSeq|history.PartMessages|history.PartFields)
			spoil(&last)
		}
	case does.Have(scenarios.Writes):
		err = c.client.store.Update(ctx, q.ID, k.change)
	default:
		err = scenarios.ErrUnsupported
	}
	return err
}

// Close implements [scenarios.Conn]. The store stays open.
func (storeConn) Close() error { return nil }

// make creates the session of GetOrCreate. A store may call it and discard its result.
func (k *call) make() manager.Session {
	k.plan.during.apply()
	return manager.Session{Incarnation: uint64(k.op.Tag), Touched: k.client.now()}
}

// inspect is the closure of GetOrCreate. It reads twice, as read does.
func (k *call) inspect(ctx context.Context, s *manager.Session) {
	k.begin()
	k.record(s, history.PartIncarnation|history.PartVersion)
	k.client.points.Reach(ctx, Inside)
	k.plan.during.apply()
	k.record(s, history.PartSeq)
	if history.Tag(s.Incarnation) == k.op.Tag {
		k.ending = Returns // the contract does not say whether a session stays whose creator panics
	}
	_ = k.end()
}

// read is the closure of a read. It reads twice, with a pause between: the session must not change meanwhile.
func (k *call) read(ctx context.Context, s *manager.Session) error {
	k.begin()
	k.record(s, history.PartIncarnation|history.PartVersion)
	k.client.points.Reach(ctx, Inside)
	k.plan.during.apply()
	if k.plan.kind == history.ReadFields {
		k.record(s, history.PartFields)
	} else {
		k.record(s, history.PartSeq|history.PartMessages)
	}
	return k.end()
}

// change is the closure of a write.
func (k *call) change(ctx context.Context, s *manager.Session) error {
	late, begun := k.begin(), k.client.now()
	if k.client.gauges != nil {
		g := &k.client.gauges[k.plan.slot].n
		if n := g.Add(1); n > 1 {
			k.overlap(n)
		}
		defer g.Add(-1)
	}
	before := *s
	k.client.points.Reach(ctx, Inside)
	k.plan.during.apply()
	s.Touched = k.client.now()
	switch k.plan.kind {
	case history.Update:
		text := tagText(k.op.Tag)
		s.SetFields(map[string]string{fieldNames[0]: text, fieldNames[1]: text})
	case history.Append:
		s.Append(role, tagText(k.op.Tag))
	case history.Nested:
		s.Append(role, tagText(k.op.Tag))
		if err := k.client.store.Update(ctx, k.id, k.nested); k.client.closing.refused(err) {
			k.onlyOuter()
		} else if err != nil {
			return fmt.Errorf("update inside an update: %w", err)
		}
	}
	if late {
		return nil
	}
	k.plan.during.apply() // between the change and the release of the lock
	if k.plan.ending != Returns && k.client.subject.Guarantees.Rollback {
		s = &before
	}
	k.record(s, history.PartIncarnation|history.PartVersion|history.PartSeq)
	k.held(k.client.now() - begun)
	return k.end()
}

// held records how long the closure of a write held the session, where updates are exclusive.
func (k *call) held(ns int64) {
	if !k.client.subject.Guarantees.ExclusiveUpdates {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.op.Hold = ns
}

// onlyOuter makes the operation an append that fails: its inner update was refused by Close.
func (k *call) onlyOuter() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.op.Kind, k.ending = history.Append, Fails
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
	k.client.closing.entered(&k.op)
	if k.over {
		name := k.op.String()
		k.client.late.CompareAndSwap(nil, &name)
		return true
	}
	k.runs++
	return false
}

// end ends the closure as planned.
func (k *call) end() error {
	k.client.closing.left(&k.op)
	switch k.ending {
	case Fails:
		return errPlanned
	case Panics:
		panic(errPlanned)
	}
	return nil
}

// overlap records that n updates are inside one session.
func (k *call) overlap(n int32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over {
		k.violate(history.MutualExclusion, "%d users were inside an update of the same session at once, %s among them",
			n, k.client.name())
	}
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

// spoil changes a final state, which belongs to the caller that removed the session: a closure that still runs must not see it.
func spoil(last *manager.Session) {
	for name := range last.Fields {
		last.Fields[name] = spoiled
	}
	last.Append(role, spoiled)
}

const spoiled = "!" // not the text of a tag

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

// span is the time of a sweep.
type span struct{ call, end int64 }

// look is what a sweep did with a session.
type look struct {
	slot uint32
	history.Op
}

// sweep removes idle sessions. Each session that it removes is recorded as an operation, with the state that was judged and
// the final state; each that it leaves is recorded as a read. See [round.addUnjudged] for those that it did not judge.
func (c *client) sweep(ctx context.Context, p *plan) {
	var (
		mu     sync.Mutex // protects judged and seen: a store may judge several sessions at once
		judged = map[manager.ID]history.Op{}
		seen   []look
		met    = make([]bool, len(c.pool.ids)) // by slot; protected by mu
		start  = c.called()

		sweeping = &history.Op{Kind: history.Sweep, User: int32(c.user)}
	)
	expired := func(id manager.ID, s *manager.Session) bool {
		c.closing.entered(sweeping)
		defer c.closing.left(sweeping)
		slot, ours := c.pool.slotOf[id]
		if !ours {
			return false
		}
		op := history.Op{Kind: history.SweepRead, Outcome: history.OK, Call: start}
		record(&op, s, history.PartIncarnation|history.PartVersion|history.PartSeq)
		goes := s.Touched <= start-int64(p.idle)
		p.during.apply()
		c.points.Reach(ctx, Inside)
		op.Return = c.returned()
		mu.Lock()
		defer mu.Unlock()
		met[slot] = true
		if goes {
			op.Kind = history.Sweep
			judged[id] = op
		} else {
			seen = append(seen, look{slot, op})
		}
		return goes
	}
	removed := func(id manager.ID, last manager.Session) {
		mu.Lock()
		defer mu.Unlock()
		slot, ours := c.pool.slotOf[id]
		op, known := judged[id]
		if !ours || !known {
			c.violate(history.UnexpectedError, "%s's sweep removed a session that was not judged to be expired", c.name())
			return
		}
		delete(judged, id)
		record(&op, &last, history.PartSeq|history.PartMessages|history.PartFields)
		spoil(&last)
		op.Return = history.Never // until the sweep is over
		seen = append(seen, look{slot, op})
	}
	n, err := c.store.Sweep(ctx, expired, removed)
	end := c.returned()
	mu.Lock()
	defer mu.Unlock()
	c.sweeps = append(c.sweeps, span{start, end})
	handed := 0
	for _, f := range seen {
		if f.Kind == history.Sweep {
			handed++
		}
		f.Return = min(f.Return, end)
		c.rec.Add(f.slot, f.Op)
	}
	if err == nil {
		for slot, met := range met {
			if !met {
				c.unjudged = append(c.unjudged, look{uint32(slot), history.Op{
					Kind: history.SweepRead, User: int32(c.user), Outcome: history.NotFound, Call: start, Return: end}})
			}
		}
	}
	switch {
	case indeterminate(err):
		c.unsure = true
		for id, op := range judged { // each may have been removed
			op.Outcome, op.Return = history.Indeterminate, history.Never
			c.rec.Add(c.pool.slotOf[id], op)
		}
	case err != nil && !c.closing.refused(err):
		c.violate(history.UnexpectedError, "%s's sweep: %v", c.name(), err)
	case n != handed:
		c.violate(history.UnexpectedError, "%s's sweep returned %d, but passed %d sessions to its callback", c.name(), n, handed)
	}
}
