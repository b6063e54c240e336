package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "handed-over-lock",
	How:    "a lock is removed from its table when its holder releases it, although it is handed over to a waiter",
	Copies: "MCSManager #2242: releasing hands the lock over, and the table's entry is deleted after that; a third caller makes a second lock",
	Open:   onKeyed(handedOver),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append, Hold: beforeLock}, // has found A's lock
		{User: userA},
		{User: userC, Do: history.Append, Hold: verify.Inside}, // holds a second lock
		{User: userB},
		{User: userC},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: twoLocks,
})

func handedOver(s *keyed) {
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		s.Reach(ctx, beforeLock)
		leave := func() {
			l.release()
			runtime.Gosched() // the waiter that has the lock now runs
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.locks, id)
		}
		return leave, l.acquire(ctx)
	}
}
