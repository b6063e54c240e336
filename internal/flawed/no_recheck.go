package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const afterFirstCheck = "after the first check"

var _ = register(Flaw{
	Name:   "no-recheck",
	How:    "creation checks whether the session exists, then acquires the table's lock, and does not check again",
	Copies: "google/adk-go #367: the service checks whether the session exists before it acquires the lock to create one",
	Open:   on(func(s *correct) store { return noRecheck{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate, Hold: afterFirstCheck},
		{User: userB, Do: history.GetOrCreate},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.DoubleCreation, history.LostSession, history.DeletedRead, history.Resurrection, history.LostUpdate,
		history.MutualExclusion},
})

type noRecheck struct{ *correct }

func (s noRecheck) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	if s.find(id) != nil {
		return s.correct.GetOrCreate(ctx, id, create, view)
	}
	s.Reach(ctx, afterFirstCheck)
	fresh := &entry{lock: s.newLock(), val: create()}
	callView(view, &fresh.val)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table[id] = fresh
	return true, nil
}
