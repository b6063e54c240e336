package flawed

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in sweeps that let sessions outlive their time, or hand over an old state.

var _ = register(Flaw{
	Name:   "sweep-removes-nothing",
	How:    "a sweep returns at once and has judged no session",
	Copies: "gravitational/teleport #566: the ticker of the clean-up was stopped at once, and expired sessions stayed",
	Open:   on(func(s *correct) store { return removesNothing{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Sweep},
	},
	Kills: []history.Anomaly{history.WrongSweep},
})

type removesNothing struct{ *correct }

func (s removesNothing) Sweep(ctx context.Context, _ func(manager.ID, *session) bool, _ func(manager.ID, session)) (int, error) {
	return 0, s.ready(ctx)
}

var _ = register(Flaw{
	Name:   "sweep-stops-at-busy",
	How:    "a sweep goes through the sessions from the oldest on, and ends at the first that is in use",
	Copies: "queues of expiring entries that are emptied from their head until one cannot be removed (head-of-line blocking)",
	Open:   on(func(s *correct) store { return &stopsAtBusy{correct: s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.GetOrCreate, Slot: 1},
		{User: userB, Do: history.Append, Hold: verify.Inside},
		{User: userC, Do: history.Sweep},
		{User: userB},
	},
	Kills: []history.Anomaly{history.WrongSweep},
})

// stopsAtBusy keeps the ids in the order of their creation.
type stopsAtBusy struct {
	*correct
	aging  sync.Mutex // protects oldest
	oldest []manager.ID
}

func (s *stopsAtBusy) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	created, err := s.correct.GetOrCreate(ctx, id, create, view)
	if created {
		s.aging.Lock()
		defer s.aging.Unlock()
		s.oldest = append(s.oldest, id)
	}
	return created, err
}

func (s *stopsAtBusy) Sweep(
	ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session),
) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	s.aging.Lock()
	defer s.aging.Unlock()
	for _, id := range s.oldest {
		e := s.find(id)
		if e == nil {
			continue
		}
		if !e.lock.(mutex).tryAcquire() {
			return n, nil
		}
		if e.dead.Load() {
			e.lock.release()
		} else if s.expire(id, e, expired, removed) {
			n++
		}
	}
	return n, nil
}

func (m mutex) tryAcquire() bool {
	select {
	case m.held <- struct{}{}:
		return true
	default:
		return false
	}
}

var _ = register(Flaw{
	Name:   "sweep-stale-copy",
	How:    "a sweep judges copies of the sessions and passes these on, also if a session has changed before it is removed",
	Copies: "a listener for expired sessions that gets the snapshot from which the expired ones were selected",
	Open:   on(func(s *correct) store { return staleCopy{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Sweep, Hold: betweenCheckAndRemoval},
		{User: userA, Do: history.Append},
		{User: userB},
	},
	Kills: append([]history.Anomaly{history.WrongSweep}, afterDeath...),
})

type staleCopy struct{ *correct }

func (s staleCopy) Sweep(
	ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session),
) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	var idle []session
	var ids []manager.ID
	for _, id := range s.ids() {
		_ = s.correct.View(ctx, id, func(_ context.Context, v *session) error {
			if c := v.Clone(); expired(id, c) {
				ids, idle = append(ids, id), append(idle, *c)
			}
			return nil
		})
	}
	s.Reach(ctx, betweenCheckAndRemoval)
	for i, id := range ids {
		if _, err := s.Delete(ctx, id); err != nil {
			continue
		}
		n++
		if removed != nil {
			removed(id, idle[i])
		}
	}
	return n, nil
}
