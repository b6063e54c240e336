package main

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// syncMap finds entries through a sync.Map.
type syncMap struct {
	base
	m sync.Map // from manager.ID to *entry
}

func newSyncMap() manager.SessionStore[manager.Session] {
	s := new(syncMap)
	s.all = func(yield func(manager.ID, *entry) bool) {
		s.m.Range(func(id, e any) bool { return yield(id.(manager.ID), e.(*entry)) })
	}
	s.remove = func(id manager.ID) { s.m.Delete(id) }
	s.count = func() (n int) {
		for range s.all {
			n++
		}
		return n
	}
	return s
}

func (s *syncMap) load(id manager.ID) (*entry, bool) {
	e, _ := s.m.Load(id)
	found, ok := e.(*entry)
	return found, ok
}

// GetOrCreate implements [manager.SessionStore].
func (s *syncMap) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	var fresh *entry
	for {
		e, found := s.load(id)
		if !found {
			if fresh == nil {
				fresh = newEntry(create)
			}
			var other any
			if other, found = s.m.LoadOrStore(id, fresh); !found {
				return s.created(id, fresh, view)
			}
			e = other.(*entry)
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *syncMap) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *syncMap) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	for {
		e, found := s.load(id)
		if !found {
			return s.absent()
		}
		if live, err := e.use(ctx, fn); live {
			return err
		}
	}
}

// Delete implements [manager.SessionStore].
func (s *syncMap) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return last, manager.NotApplied(err)
	}
	for {
		e, found := s.load(id)
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
