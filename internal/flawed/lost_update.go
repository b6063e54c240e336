package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const betweenReadAndWrite = "between read and write"

// updateInUpdate lets B update the session between A's read and A's write.
var updateInUpdate = verify.Schedule{
	{User: userA, Do: history.GetOrCreate},
	{User: userA, Do: history.Append, Hold: betweenReadAndWrite},
	{User: userB, Do: history.Append},
	{User: userA},
	{User: userC, Do: history.ReadMessages},
}

var _ = register(Flaw{
	Name:     "lost-update",
	How:      "an update reads under one hold of the lock and writes under another",
	Copies:   "aspnet/Session #60 and laravel/framework #30996: the session is loaded at the start of a request and saved whole at its end",
	Open:     on(func(s *correct) store { return lostUpdate{s} }),
	Schedule: updateInUpdate,
	Kills:    []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DuplicateWrite, history.StaleRead},
})

type lostUpdate struct{ *correct }

func (s lostUpdate) Update(ctx context.Context, id manager.ID, fn closure) error {
	c, err := s.copy(ctx, id)
	if err != nil {
		return err
	}
	defer func() {
		s.Reach(ctx, betweenReadAndWrite)
		_ = s.correct.Update(context.WithoutCancel(ctx), id, func(_ context.Context, v *session) error {
			*v = *c
			return nil
		})
	}()
	return fn(ctx, c)
}
