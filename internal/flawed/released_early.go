package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const betweenReleaseAndSave = "between release and save"

var _ = register(Flaw{
	Name:   "released-early",
	How:    "an update marks the session as unlocked before it stores what it changed",
	Copies: "couchbaselabs/couchbase-aspnet PR 5: the lock, in a record of its own, was released before the session's data was written",
	Open:   on(func(s *correct) store { return releasedEarly{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: betweenReleaseAndSave},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.DuplicateWrite, history.StaleRead, history.DeletedRead, history.Resurrection},
})

type releasedEarly struct{ *correct }

func (s releasedEarly) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	changed := e.val.Clone()
	defer func() {
		e.lock.release()
		s.Reach(ctx, betweenReleaseAndSave)
		runtime.Gosched() // extends the short gap
		_ = s.correct.Update(context.WithoutCancel(ctx), id, func(_ context.Context, v *session) error {
			*v = *changed
			return nil
		})
	}()
	return fn(ctx, changed)
}
