package flawed

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "shared-snapshot",
	How:    "reads share a snapshot of the session, and a deletion returns it as the final state",
	Copies: "hashicorp/go-memdb and other stores of immutable objects: what a caller deletes is the object that readers still have",
	Open: on(func(s *correct) store {
		return &sharedSnapshot{correct: s, snapshots: map[manager.ID]*session{}}
	}),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Update},
		{User: userB, Do: history.ReadFields, Hold: verify.Inside},
		{User: userA, Do: history.Delete},
		{User: userB},
	},
	Kills: []history.Anomaly{history.GarbageRead, history.Crash},
	Races: true,
})

type sharedSnapshot struct {
	*correct

	mu        sync.Mutex // protects snapshots; not what they point to
	snapshots map[manager.ID]*session
}

// snapshot returns a copy of the session, the same one as long as the session does not change.
func (s *sharedSnapshot) snapshot(id manager.ID, now *session) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.snapshots[id]; c != nil && c.Incarnation == now.Incarnation && c.Version == now.Version {
		return c
	}
	s.snapshots[id] = now.Clone()
	return s.snapshots[id]
}

func (s *sharedSnapshot) View(ctx context.Context, id manager.ID, fn closure) error {
	var c *session
	err := s.correct.View(ctx, id, func(_ context.Context, now *session) error { c = s.snapshot(id, now); return nil })
	if err != nil {
		return err
	}
	return fn(ctx, c)
}

func (s *sharedSnapshot) Delete(ctx context.Context, id manager.ID) (session, error) {
	last, err := s.correct.Delete(ctx, id)
	if err != nil {
		return last, err
	}
	return *s.snapshot(id, &last), nil
}
