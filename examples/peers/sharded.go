package main

import (
	"context"
	"maps"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// shards is the number of shards, which the first byte of an id selects: ids are random.
const shards = 256

// sharded finds entries through maps, each under an RWMutex that is held to find, insert or remove an entry and not while a
// session is used.
type sharded struct {
	base
	shards [shards]shard
}

type shard struct {
	mu sync.RWMutex // protects m
	m  map[manager.ID]*entry
	_  [128 - 24 - 8]byte // RWMutexes of two shards share no pair of cache lines
}

func newSharded() manager.SessionStore[manager.Session] {
	s := new(sharded)
	for i := range s.shards {
		s.shards[i].m = map[manager.ID]*entry{}
	}
	s.all, s.remove = s.each, s.delete
	s.count = func() (n int) {
		for i := range s.shards {
			p := &s.shards[i]
			p.mu.RLock()
			n += len(p.m)
			p.mu.RUnlock()
		}
		return n
	}
	return s
}

func (s *sharded) load(id manager.ID) (*entry, bool) {
	p := &s.shards[id[0]]
	p.mu.RLock()
	e, found := p.m[id]
	p.mu.RUnlock()
	return e, found
}

func (s *sharded) loadOrStore(id manager.ID, fresh *entry) (*entry, bool) {
	p := &s.shards[id[0]]
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, found := p.m[id]; found {
		return e, true
	}
	p.m[id] = fresh
	return fresh, false
}

func (s *sharded) delete(id manager.ID) {
	p := &s.shards[id[0]]
	p.mu.Lock()
	delete(p.m, id)
	p.mu.Unlock()
}

// each yields from a copy of each shard.
func (s *sharded) each(yield func(manager.ID, *entry) bool) {
	for i := range s.shards {
		p := &s.shards[i]
		p.mu.RLock()
		m := maps.Clone(p.m)
		p.mu.RUnlock()
		for id, e := range m {
			if !yield(id, e) {
				return
			}
		}
	}
}

// GetOrCreate implements [manager.SessionStore].
func (s *sharded) GetOrCreate(
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
			if e, found = s.loadOrStore(id, fresh); !found {
				return s.created(id, fresh, view)
			}
		}
		if e.show(view) {
			return false, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *sharded) View(ctx context.Context, id manager.ID, fn closure) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *sharded) Update(ctx context.Context, id manager.ID, fn closure) error {
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
func (s *sharded) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
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
			s.delete(id)
			e.mu.Unlock()
			return last, nil
		}
		e.mu.Unlock()
	}
}
