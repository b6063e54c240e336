package main

import (
	"context"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

// xsyncMutex finds entries through an xsync.Map.
type xsyncMutex struct {
	base
	m *xsync.Map[manager.ID, *entry]
}

func newXsyncMutex() manager.SessionStore[manager.Session] {
	s := &xsyncMutex{m: xsync.NewMap[manager.ID, *entry]()}
	s.all, s.remove, s.count = s.m.Range, s.m.Delete, s.m.Size
	return s
}

// GetOrCreate implements [manager.SessionStore].
func (s *xsyncMutex) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	var fresh *entry
	for {
		e, found := s.m.Load(id)
		if !found {
			if fresh == nil {
				fresh = newEntry(create)
			}
			if e, found = s.m.LoadOrStore(id, fresh); !found {
				return s.created(id, fresh, view)
			}
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *xsyncMutex) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *xsyncMutex) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	for {
		e, found := s.m.Load(id)
		if !found {
			return s.absent()
		}
		if live, err := e.use(ctx, fn); live {
			return err
		}
	}
}

// Delete implements [manager.SessionStore].
func (s *xsyncMutex) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return last, manager.NotApplied(err)
	}
	for {
		e, found := s.m.Load(id)
		if !found {
			return last, s.absent()
		}
		e.mu.Lock()
		if !e.dead {
			e.dead, last = true, e.val
			s.m.Delete(id)
			e.mu.Unlock()
			return last, nil
		}
		e.mu.Unlock()
	}
}
