package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

// table is the sessions that share one lock: those of a whole store, or of one shard. Its methods are called with that
// lock held and run every closure under it. nil is a closed table.
type table[T any] map[manager.ID]*T

// getOrCreate needs the lock for itself. A panic in create leaves the table as it was.
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

// take removes a session and returns it as it was.
func (t table[T]) take(id manager.ID) (last T, err error) {
	v := t[id]
	if v == nil {
		return last, manager.ErrNotFound
	}
	delete(t, id)
	return *v, nil
}

// sweep removes what is expired and hands each session over at once, so that a panic in either function
// leaves no session removed that was not handed over.
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
