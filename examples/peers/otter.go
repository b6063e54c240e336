package main

import (
	"context"

	"github.com/maypok86/otter/v2"

	"github.com/sessbench/sessbench/manager"
)

// otterCache finds entries through an otter.Cache without a maximum size and without expiration, which is a hash table: "all
// features are optional. You can create a cache that acts as a simple hash table wrapper".
type otterCache struct {
	base
	m *otter.Cache[manager.ID, *entry]
}

func newOtter() manager.SessionStore[manager.Session] {
	s := &otterCache{m: otter.Must(&otter.Options[manager.ID, *entry]{})}
	s.all, s.count = s.m.All(), s.m.EstimatedSize
	s.remove = func(id manager.ID) { s.m.Invalidate(id) }
	return s
}

// GetOrCreate implements [manager.SessionStore].
func (s *otterCache) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	var fresh *entry
	for {
		e, found := s.m.GetIfPresent(id)
		if !found {
			if fresh == nil {
				fresh = newEntry(create)
			}
			var inserted bool
			if e, inserted = s.m.SetIfAbsent(id, fresh); inserted {
				return s.created(id, fresh, view)
			}
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *otterCache) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *otterCache) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	for {
		e, found := s.m.GetIfPresent(id)
		if !found {
			return s.absent()
		}
		if live, err := e.use(ctx, fn); live {
			return err
		}
	}
}

// Delete implements [manager.SessionStore].
func (s *otterCache) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return last, manager.NotApplied(err)
	}
	for {
		e, found := s.m.GetIfPresent(id)
		if !found {
			return last, s.absent()
		}
		e.mu.Lock()
		if !e.dead {
			e.dead, last = true, e.val
			s.m.Invalidate(id)
			e.mu.Unlock()
			return last, nil
		}
		e.mu.Unlock()
	}
}
