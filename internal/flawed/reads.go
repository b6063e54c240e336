package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in reads.

var _ = register(Flaw{
	Name:   "live-reference",
	How:    "a read releases the lock and returns the stored session itself",
	Copies: "gin-contrib/sessions #84 and kdada/tinygo #13: requests share the session in the map",
	Open:   on(func(s *correct) store { return liveReference{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.ReadMessages, Hold: verify.Inside},
		{User: userA, Do: history.Append},
		{User: userB},
	},
	Kills: []history.Anomaly{history.FracturedRead, history.FutureRead, history.StaleRead, history.LostUpdate, history.Crash, history.UnexpectedError},
	Races: true,
})

type liveReference struct{ *correct }

func (s liveReference) View(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	e.lock.release()
	return fn(ctx, &e.val)
}

const betweenHalves = "between the halves"

var _ = register(Flaw{
	Name:   "torn-read",
	How:    "a read copies the messages under one hold of the lock and the fields under another",
	Copies: "a session under two keys, or in two tables, that are read one after the other",
	Open:   on(func(s *correct) store { return tornRead{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.ReadFields, Hold: betweenHalves},
		{User: userA, Do: history.Update},
		{User: userB},
	},
	Kills: []history.Anomaly{history.FracturedRead, history.FutureRead, history.StaleRead, history.DeletedRead, history.LeftoverData},
})

type tornRead struct{ *correct }

func (s tornRead) View(ctx context.Context, id manager.ID, fn closure) error {
	c, err := s.copy(ctx, id)
	if err != nil {
		return err
	}
	s.Reach(ctx, betweenHalves)
	if later, err := s.copy(context.WithoutCancel(ctx), id); err == nil {
		c.Fields = later.Fields
	}
	return fn(ctx, c)
}

var _ = register(Flaw{
	Name:   "stale-cache",
	How:    "reads use a copy that updates do not refresh",
	Copies: "a cache, or a read replica, in front of the session table",
	Open:   on(func(s *correct) store { return &staleCache{correct: s, copies: map[manager.ID]*cached{}} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.ReadMessages},
		{User: userA, Do: history.Append},
		{User: userB, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.StaleRead, history.DeletedRead},
})

type staleCache struct {
	*correct
	copies map[manager.ID]*cached // protected by mu
}

// cached is a copy that is used for a few reads.
type cached struct {
	val   *session
	reads int
}

const readsOfCopy = 3

func (s *staleCache) View(ctx context.Context, id manager.ID, fn closure) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	c := s.copies[id]
	if c != nil && c.reads < readsOfCopy {
		c.reads++
		s.mu.Unlock()
		return fn(ctx, c.val.Clone())
	}
	s.mu.Unlock()
	return s.correct.View(ctx, id, func(ctx context.Context, v *session) error {
		s.mu.Lock()
		s.copies[id] = &cached{val: v.Clone()}
		s.mu.Unlock()
		return fn(ctx, v)
	})
}
