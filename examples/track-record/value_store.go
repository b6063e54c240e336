package main

import (
	"context"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/jellydator/ttlcache/v3"
	"github.com/orcaman/concurrent-map/v2"

	"github.com/sessbench/sessbench/manager"
)

// onValues registers a store that updates a session by a get and a set.
func onValues(name, description string, empty func() values) string {
	return register(name, description, manager.Guarantees{Blocks: manager.BlocksWriters, Rollback: true},
		func() manager.SessionStore[manager.Session] { return &valueStore{m: empty()} })
}

var (
	_ = onValues("ttlcache-60", "jellydator/ttlcache v3.4.1 has sessions as values: get, change, set", func() values {
		return ttlValues{ttlcache.New[string, *manager.Session]()}
	})
	_ = onValues("concurrent-map-43", "orcaman/concurrent-map v2.0.1 has sessions as values: get, change, set", func() values {
		return cmapValues{cmap.New[*manager.Session]()}
	})
)

// values is a map or cache of sessions, which do not change while they are in it. Each method is atomic.
type values interface {
	get(key string) (v *manager.Session, found bool)
	set(key string, v *manager.Session)
	remove(key string)
	keys() []string
}

// valueStore uses a map as its first users do: an update gets the session, changes it and sets it, with no lock in between. It is
// wrong, and the map is not: two updates that overlap lose one of them, and an update that overlaps a deletion sets the session again.
type valueStore struct {
	m      values
	closed atomic.Bool
}

// load returns a copy of a session.
func (s *valueStore) load(ctx context.Context, id manager.ID) (v manager.Session, err error) {
	if err := ctx.Err(); err != nil {
		return v, manager.NotApplied(err)
	}
	if s.closed.Load() {
		return v, manager.ErrClosed
	}
	old, found := s.m.get(id.String())
	if !found {
		return v, manager.ErrNotFound
	}
	return *old.Clone(), nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *valueStore) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (created bool, err error) {
	v, err := s.load(ctx, id)
	if err == manager.ErrNotFound {
		v, created, err = create(), true, nil
		s.m.set(id.String(), v.Clone())
	}
	if err != nil {
		return false, err
	}
	if view != nil {
		view(&v)
	}
	return created, nil
}

// View implements [manager.SessionStore].
func (s *valueStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	v, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	return fn(ctx, &v)
}

// Update implements [manager.SessionStore]. After an error nothing is set.
func (s *valueStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	v, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	if err := fn(ctx, &v); err != nil {
		return err
	}
	s.m.set(id.String(), v.Clone())
	return nil
}

// Delete implements [manager.SessionStore].
func (s *valueStore) Delete(ctx context.Context, id manager.ID) (last manager.Session, err error) {
	if last, err = s.load(ctx, id); err != nil {
		return last, err
	}
	s.m.remove(id.String())
	return last, nil
}

// Sweep implements [manager.SessionStore].
func (s *valueStore) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	if s.closed.Load() {
		return 0, manager.ErrClosed
	}
	for _, key := range s.m.keys() {
		id, err := uuid.Parse(key)
		if err != nil {
			return n, err
		}
		v, err := s.load(ctx, id)
		if err == manager.ErrNotFound {
			continue
		}
		if err != nil {
			return n, err
		}
		if !expired(id, &v) {
			continue
		}
		s.m.remove(key)
		n++
		if removed != nil {
			removed(id, v)
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore].
func (s *valueStore) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return len(s.m.keys()), nil
}

// Close implements [manager.SessionStore].
func (s *valueStore) Close() error {
	s.closed.Store(true)
	return nil
}

type ttlValues struct {
	m *ttlcache.Cache[string, *manager.Session]
}

func (m ttlValues) get(key string) (v *manager.Session, found bool) {
	item := m.m.Get(key)
	if item == nil {
		return nil, false
	}
	return item.Value(), true
}

func (m ttlValues) set(key string, v *manager.Session) { m.m.Set(key, v, ttlcache.NoTTL) }
func (m ttlValues) remove(key string)                  { m.m.Delete(key) }
func (m ttlValues) keys() []string                     { return m.m.Keys() }

type cmapValues struct {
	m cmap.ConcurrentMap[string, *manager.Session]
}

func (m cmapValues) get(key string) (*manager.Session, bool) { return m.m.Get(key) }
func (m cmapValues) set(key string, v *manager.Session)      { m.m.Set(key, v) }
func (m cmapValues) remove(key string)                       { m.m.Remove(key) }
func (m cmapValues) keys() []string                          { return m.m.Keys() }
