package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "busy-is-missing",
	How:    "a session whose lock is not free after some attempts is reported as not existing",
	Copies: "phpredis #2382: when the retries for the session's lock are exhausted, the request goes on as if there were no session",
	Open:   on(func(s *correct) store { return busyIsMissing{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.ReadMessages},
		{User: userA},
	},
	Kills: []history.Anomaly{history.LostSession},
})

const lockAttempts = 10

type busyIsMissing struct{ *correct }

func (s busyIsMissing) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

func (s busyIsMissing) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.lookUp(ctx, id)
	if err != nil {
		return err
	}
	for range lockAttempts {
		select {
		case e.lock.(mutex).held <- struct{}{}:
			defer e.lock.release()
			if e.dead.Load() {
				return manager.ErrNotFound
			}
			return fn(ctx, &e.val)
		default:
			runtime.Gosched()
		}
	}
	return manager.ErrNotFound
}
