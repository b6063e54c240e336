package main

import (
	"context"
	"encoding/binary"

	"github.com/orcaman/concurrent-map/v2"

	"github.com/sessbench/sessbench/manager"
)

// orcaman finds entries through a cmap.ConcurrentMap with the default number of shards.
type orcaman struct {
	base
	m cmap.ConcurrentMap[manager.ID, *entry]
}

func newOrcaman() manager.SessionStore[manager.Session] {
	// Ids are random, so that a part of one is its hash.
	hash := func(id manager.ID) uint32 { return binary.LittleEndian.Uint32(id[:]) }
	s := &orcaman{m: cmap.NewWithCustomShardingFunction[manager.ID, *entry](hash)}
	s.all = func(yield func(manager.ID, *entry) bool) {
		for item := range s.m.IterBuffered() { // of a copy
			if !yield(item.Key, item.Val) {
				return
			}
		}
	}
	s.remove, s.count = s.m.Remove, s.m.Count
	return s
}

// GetOrCreate implements [manager.SessionStore].
func (s *orcaman) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if err := s.check(ctx); err != nil {
		return false, err
	}
	var fresh *entry
	for {
		e, found := s.m.Get(id)
		if !found {
			if fresh == nil {
				fresh = newEntry(create)
			}
			if s.m.SetIfAbsent(id, fresh) {
				return s.created(id, fresh, view)
			}
			continue
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *orcaman) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *orcaman) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	for {
		e, found := s.m.Get(id)
		if !found {
			return s.absent()
		}
		if live, err := e.use(ctx, fn); live {
			return err
		}
	}
}

// Delete implements [manager.SessionStore].
func (s *orcaman) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return last, manager.NotApplied(err)
	}
	for {
		e, found := s.m.Get(id)
		if !found {
			return last, s.absent()
		}
		e.mu.Lock()
		if !e.dead {
			e.dead, last = true, e.val
			s.m.Remove(id)
			e.mu.Unlock()
			return last, nil
		}
		e.mu.Unlock()
	}
}
