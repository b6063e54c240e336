package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// The times of last use of the sessions that the observed sweeps judge. They are no readings of a clock, so that no slowness makes a session
// idle that is not.
const (
	longAgo = 1 // idle
	inUse   = 2
)

// The numbers of sessions of the observed sweeps.
const (
	sweptAtRest = 64
	sweptBeside = 5 // a busy one; each of them is the busy one once
)

// sweeps observes sweeps of known sessions: each must remove every idle session once, pass its final state, and leave the others.
func sweeps(p *probe) Guarantee {
	g := Guarantee{Name: "sweep", Declared: "yes", Observed: "yes", Kept: true}
	p.sweepAtRest()
	for busy := 0; busy < sweptBeside && p.violation == nil; busy++ {
		p.sweepBeside(busy)
	}
	if p.violation == nil {
		p.sweepWhileTouched()
	}
	if p.violation != nil {
		g.Observed, g.Kept = "no", false
	}
	return g
}

// sweepSet is sessions and what must have become of them.
type sweepSet struct {
	*probe
	ids []manager.ID

	mu     sync.Mutex                     // protects the following
	latest map[manager.ID]manager.Session // by the changes that took effect
	judged map[manager.ID]bool            // by the last sweep
	passed map[manager.ID]manager.Session // by the last sweep
}

// sweepSet creates n idle sessions, whose numbers of messages differ.
func (p *probe) sweepSet(n int) *sweepSet {
	s := &sweepSet{probe: p, latest: map[manager.ID]manager.Session{}}
	for i := range n {
		id := uuid.New()
		s.ids = append(s.ids, id)
		s.latest[id] = manager.Session{Incarnation: uint64(i + 1), Touched: longAgo}
		_, err := p.round.store.GetOrCreate(context.Background(), id, func() manager.Session { return s.latest[id] }, nil)
		s.must(err, "GetOrCreate")
		for range i % 3 {
			s.must(s.change(id, longAgo), "Update")
		}
	}
	return s
}

// must records a violation if err is an error that is not indeterminate.
func (s *sweepSet) must(err error, what string) {
	s.round.clients[0].beat.n.Add(1)
	if s.noted(err) != nil && s.violation == nil {
		s.violate(history.UnexpectedError, "%s: %v", what, err)
	}
}

// change adds a message to a session and sets the time of its last use.
func (s *sweepSet) change(id manager.ID, touched int64) error {
	return s.noted(s.round.store.Update(context.Background(), id, s.changing(id, touched)))
}

// changing returns the closure of a change. What its last run has written is the session's latest state, if the change takes effect.
func (s *sweepSet) changing(id manager.ID, touched int64) func(context.Context, *manager.Session) error {
	return func(ctx context.Context, v *manager.Session) error {
		_ = add(ctx, v)
		v.SetFields(map[string]string{fieldNames[0]: tagText(history.Tag(v.Version))})
		v.Touched = touched
		s.mu.Lock()
		defer s.mu.Unlock()
		s.latest[id] = *v.Clone()
		return nil
	}
}

// sweep sweeps the sessions that are idle. judging is called whenever a session of the set is judged.
func (s *sweepSet) sweep(judging func(manager.ID)) error {
	s.mu.Lock()
	s.judged, s.passed = map[manager.ID]bool{}, map[manager.ID]manager.Session{}
	s.mu.Unlock()
	n, err := s.round.store.Sweep(context.Background(), func(id manager.ID, v *manager.Session) bool {
		if !slices.Contains(s.ids, id) {
			return false
		}
		idle := v.Touched <= longAgo
		s.round.clients[0].beat.n.Add(1)
		judging(id)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.judged[id] = true
		return idle
	}, func(id manager.ID, last manager.Session) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, twice := s.passed[id]; twice {
			s.violate(history.WrongSweep, "a sweep passed one session to its callback twice")
		}
		s.passed[id] = *last.Clone()
	})
	if s.noted(err) == nil && n != len(s.passed) && s.violation == nil {
		s.violate(history.WrongSweep, "a sweep returned that it removed %d sessions, and passed %d to its callback", n, len(s.passed))
	}
	return err
}

// check compares what the last sweep removed, and what is left, with what must be: of sessions that satisfy stays the latest state is left,
// and that of each other one was passed to the callback.
func (s *sweepSet) check(where string, stays func(manager.ID) bool) {
	for i, id := range s.ids {
		s.round.clients[0].beat.n.Add(1)
		last, removed := s.passed[id]
		want := s.latest[id]
		var left *manager.Session
		err := s.round.store.View(context.Background(), id, func(_ context.Context, v *manager.Session) error {
			left = v.Clone()
			return nil
		})
		if s.noted(err) != nil && !errors.Is(err, manager.ErrNotFound) {
			s.must(err, "View")
			return
		}
		wrong := func(format string, args ...any) {
			s.violate(history.WrongSweep, "%s: session %d of %d %s", where, i+1, len(s.ids), fmt.Sprintf(format, args...))
		}
		switch {
		case stays(id) && removed:
			wrong("was removed although it is in use")
		case stays(id) && left == nil:
			wrong("is in use, was not passed to the callback, and is gone")
		case stays(id) && !same(left, &want):
			wrong("is not as the last change left it: %s, want %s", brief(left), brief(&want))
		case stays(id):
			continue
		case !removed && left != nil:
			wrong("is idle, and was not removed")
		case !removed:
			wrong("was removed, and not passed to the callback")
		case left != nil:
			wrong("was passed to the callback as removed, and is still there")
		case !same(&last, &want):
			wrong("was passed to the callback with a stale state: %s, want %s", brief(&last), brief(&want))
		default:
			continue
		}
		return
	}
}

// same reports whether two sessions are equal.
func same(a, b *manager.Session) bool {
	return a.Seq == b.Seq && a.Version == b.Version && a.Incarnation == b.Incarnation && a.Touched == b.Touched &&
		maps.Equal(a.Fields, b.Fields) && slices.Equal(a.History(nil), b.History(nil))
}

func brief(s *manager.Session) string {
	return fmt.Sprintf("version %d, %d messages, last use %d", s.Version, s.Len(), s.Touched)
}

// sweepAtRest sweeps twice: once while no session is idle, and again after changes, of which a state that the store kept from the first
// time has none.
func (p *probe) sweepAtRest() {
	const where = "a sweep while no other operation ran"
	s := p.sweepSet(sweptAtRest)
	for _, id := range s.ids {
		s.must(s.change(id, inUse), "Update")
	}
	s.must(s.sweep(func(manager.ID) {}), "Sweep")
	if p.violation != nil || p.indeterminate.Load() {
		return
	}
	if s.check(where, func(manager.ID) bool { return true }); p.violation != nil {
		return
	}
	if n := len(s.ids) - len(s.judged); n > 0 {
		p.violate(history.WrongSweep, "%s did not judge %d of %d sessions", where, n, len(s.ids))
		return
	}
	used := map[manager.ID]bool{}
	for i, id := range s.ids {
		used[id] = i%2 == 0
		touched := int64(longAgo)
		if used[id] {
			touched = inUse
		}
		s.must(s.change(id, touched), "Update")
	}
	if p.violation != nil || p.indeterminate.Load() {
		return
	}
	s.must(s.sweep(func(manager.ID) {}), "Sweep")
	if p.violation == nil {
		s.check(where, func(id manager.ID) bool { return used[id] })
	}
}

// sweepBeside sweeps while an update holds one of the idle sessions and is about to use it. The sweep may wait for it or leave it out, and must
// judge all others by the time that it returns.
func (p *probe) sweepBeside(busy int) {
	s := p.sweepSet(sweptBeside)
	id := s.ids[busy]
	before := s.latest[id]
	h := p.hold(id, s.changing(id, inUse))
	sweeping := p.start(func() error { return s.sweep(func(manager.ID) {}) })
	settle(sweeping)
	h.release()
	<-h.done
	<-sweeping.done
	s.must(sweeping.err, "Sweep beside an update")
	s.checkUsed(fmt.Sprintf("a sweep while an update held session %d", busy+1), h.operation, id, before)
}

// sweepWhileTouched lets an update use a session while a sweep judges it to be idle. Either the sweep removes the session, and the update finds
// none, or the session stays.
func (p *probe) sweepWhileTouched() {
	s := p.sweepSet(sweptBeside)
	before := s.latest[s.ids[0]]
	var use *operation
	err := s.sweep(func(id manager.ID) {
		if id == s.ids[0] && use == nil {
			use = p.start(func() error { return s.change(id, inUse) })
			settle(use)
		}
	})
	s.must(err, "Sweep beside an update")
	if use == nil {
		p.violate(history.WrongSweep, "a sweep did not judge an idle session that no other operation used")
		return
	}
	<-use.done
	s.checkUsed("a sweep while session 1 came into use", use, s.ids[0], before)
}

// checkUsed checks a sweep of idle sessions of which an update used one, whose state was before.
func (s *sweepSet) checkUsed(where string, use *operation, id manager.ID, before manager.Session) {
	if s.violation != nil || s.indeterminate.Load() {
		return
	}
	stays := use.err == nil
	if !stays { // its closure may have run on a copy, without effect
		s.latest[id] = before
		if !errors.Is(use.err, manager.ErrNotFound) {
			s.must(use.err, "Update beside a sweep")
			return
		}
	}
	s.check(where, func(other manager.ID) bool { return stays && other == id })
}
