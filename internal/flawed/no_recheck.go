package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const afterFirstCheck = "after the first check"

var _ = register(Flaw{
	Name:       "no-recheck",
	How:        "creation looks whether there is a session, then takes the table's lock, and does not look again",
	Copies:     "google/adk-go #367: the service looks whether there is a session before it takes the lock to create one",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return noRecheck{newRight(t)}, nil
	},
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

type noRecheck struct{ *right }

func (s noRecheck) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	if s.find(id) != nil {
		return s.right.GetOrCreate(ctx, id, create, view)
	}
	s.Pass(ctx, afterFirstCheck)
	fresh := &entry{lock: s.newLock(), val: create()}
	look(view, &fresh.val)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table[id] = fresh
	return true, nil
}
