package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const halfLinked = "half linked"

var _ = register(Flaw{
	Name:   "half-linked",
	How:    "a creation finds a session while it is being inserted, and look-ups do not find it yet",
	Copies: "bytedance/gopkg #264: LoadOrStore of a skip list returns a node that Load does not see until it is linked on all levels",
	Open:   on(func(s *correct) store { return halfway{s, map[manager.ID]*entry{}} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate, Hold: halfLinked},
		{User: userB, Do: history.GetOrCreate},
		{User: userB, Do: history.ReadMessages},
		{User: userA},
	},
	Kills: []history.Anomaly{history.LostSession, history.WrongAnswer, history.DoubleDeletion},
})

// levels is the number of levels on which a session is linked, one after the other.
const levels = 4

// halfway has its sessions in a list, which creations search, before it has them in the table.
type halfway struct {
	*correct
	list map[manager.ID]*entry // protected by mu
}

func (s halfway) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	for {
		if err := s.ready(ctx); err != nil {
			return false, err
		}
		e, created := s.loadOrStore(ctx, id, create)
		if err := e.lock.acquire(ctx); err != nil {
			return false, err
		}
		if created || !e.dead.Load() { // another user may have changed or removed it already: it was created all the same
			defer e.lock.release()
			callView(view, &e.val)
			return created, nil
		}
		e.lock.release()
	}
}

func (s halfway) loadOrStore(ctx context.Context, id manager.ID, create func() session) (e *entry, created bool) {
	fresh := &entry{lock: s.newLock(), val: create()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.table[id]; e != nil {
		return e, false
	}
	if e := s.list[id]; e != nil {
		return e, false
	}
	s.list[id] = fresh
	for range levels {
		s.mu.Unlock()
		s.Reach(ctx, halfLinked)
		s.mu.Lock()
	}
	delete(s.list, id)
	s.table[id] = fresh
	return fresh, true
}
