package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const beforeSave = "before the save"

var _ = register(Flaw{
	Name: "read-renumbers-lock",
	How:  "an update is stored only if its lock still has the number that it got, and reads, which do not lock, increment the number, too",
	Copies: "MarkCBB/MongoDB-ASP.NET-Session-State-Store #9: a read increments the lock's id, and the request that has locked the session " +
		"can no longer write it",
	Open: on(func(s *correct) store { return readRenumbersLock{s, map[manager.ID]int{}} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: beforeSave},
		{User: userB, Do: history.ReadMessages},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.StaleRead},
})

type readRenumbersLock struct {
	*correct
	numbers map[manager.ID]int // of the locks, protected by mu, as are the sessions' values
}

func (s readRenumbersLock) View(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.lookUp(ctx, id)
	if err != nil {
		return err
	}
	c, dead := s.read(id, e)
	if dead {
		return manager.ErrNotFound
	}
	return fn(ctx, c)
}

// read returns a copy of the session without waiting for its lock.
func (s readRenumbersLock) read(id manager.ID, e *entry) (c *session, dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.numbers[id]++
	return e.val.Clone(), e.dead.Load()
}

func (s readRenumbersLock) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	defer e.lock.release()
	s.mu.Lock()
	s.numbers[id]++
	number, changed := s.numbers[id], e.val.Clone()
	s.mu.Unlock()
	defer func() {
		s.Reach(ctx, beforeSave)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.numbers[id] == number {
			e.val = *changed
		}
	}()
	return fn(ctx, changed)
}
