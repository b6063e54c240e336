package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "blocks-all",
	How:    "a busy session is declared to block only itself, and one lock is held while any session is used",
	Copies: "gorilla/sessions' FilesystemStore: each session has a file, and one mutex of the package guards all files",
	Open:   on(func(s *correct) store { return blocksAll{s, s.newMutex()} }),
	Schedule: verify.Schedule{ // the observation that follows shows it
		{User: userA, Do: history.GetOrCreate},
	},
	Kills: []history.Anomaly{history.BrokenGuarantee},
})

type blocksAll struct {
	*correct
	all locker
}

// with calls f with the lock held.
func (s blocksAll) with(ctx context.Context, f func() error) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.all.acquire(ctx); err != nil {
		return err
	}
	defer s.all.release()
	return f()
}

func (s blocksAll) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (created bool, err error) {
	err = s.with(ctx, func() error {
		created, err = s.correct.GetOrCreate(ctx, id, create, view)
		return err
	})
	return created, err
}

func (s blocksAll) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, func() error { return s.correct.View(ctx, id, fn) })
}

func (s blocksAll) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.with(ctx, func() error { return s.correct.Update(ctx, id, fn) })
}

func (s blocksAll) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	err = s.with(ctx, func() error {
		last, err = s.correct.Delete(ctx, id)
		return err
	})
	return last, err
}
