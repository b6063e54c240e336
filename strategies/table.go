package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

// table is the sessions that share one lock: those of a store or of a shard. Its methods are called with that lock held and run
// every closure under it. nil is a closed table.
type table[T any] map[manager.ID]*T

// getOrCreate needs the lock held exclusively. A panic in create leaves the table unchanged.
func (t table[T]) getOrCreate(id manager.ID, create func() T, view func(*T)) (created bool) {
	v := t[id]
	if v == nil {
		v = new(create())
		t[id], created = v, true
	}
	if view != nil {
		view(v)
	}
	return created
}

// use runs fn on a session.
func (t table[T]) use(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	v := t[id]
	if v == nil {
		return manager.ErrNotFound
	}
	return fn(ctx, v)
}

// take removes a session and returns its last state.
func (t table[T]) take(id manager.ID) (last T, err error) {
	v := t[id]
	if v == nil {
		return last, manager.ErrNotFound
	}
	delete(t, id)
	return *v, nil
}

// sweep removes expired sessions and calls removed directly after each removal, so that after a panic in either function every
// removed session has been passed to removed.
func (t table[T]) sweep(expired func(manager.ID, *T) bool, removed func(manager.ID, T)) (n int) {
	for id, v := range t {
		if !expired(id, v) {
			continue
		}
		delete(t, id)
		n++
		if removed != nil {
			removed(id, *v)
		}
	}
	return n
}
