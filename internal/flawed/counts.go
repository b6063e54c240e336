package flawed

import (
	"context"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "count-of-deletions",
	How:    "a counter of the sessions is decremented by each deletion, also of a session that does not exist",
	Copies: "uber/cherami-server #338 and vlang/v #2591: removing an absent key decrements the size of the map",
	Open:   on(func(s *correct) store { return &countsDeletions{correct: s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.GetOrCreate, Slot: 1},
		{User: userA, Do: history.Delete},
		{User: userB, Do: history.Delete},
	},
	Kills: []history.Anomaly{history.WrongCount, history.LeakedSessions},
})

type countsDeletions struct {
	*correct
	sessions atomic.Int64
}

func (s *countsDeletions) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	created, err := s.correct.GetOrCreate(ctx, id, create, view)
	if created {
		s.sessions.Add(1)
	}
	return created, err
}

func (s *countsDeletions) Delete(ctx context.Context, id manager.ID) (session, error) {
	s.sessions.Add(-1)
	return s.correct.Delete(ctx, id)
}

func (s *countsDeletions) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (int, error) {
	n, err := s.correct.Sweep(ctx, expired, removed)
	s.sessions.Add(-int64(n))
	return n, err
}

func (s *countsDeletions) Len(ctx context.Context) (int, error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	return int(s.sessions.Load()), nil
}

func (s *countsDeletions) Census() manager.Census {
	return manager.Census{Sessions: int(s.sessions.Load())}
}
