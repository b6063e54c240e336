package main

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// striped is a session store of stripes, each a map under an RWMutex. Closures run under that lock: those of View share it, those of
// Update hold it exclusively. The first byte of a session's id, which is random, selects its stripe.
type striped[T any] struct {
	stripes []stripe[T]
}

type stripe[T any] struct {
	mu       sync.RWMutex // protects closed, sessions and what they point to
	closed   bool
	sessions map[manager.ID]*T
}

var _ manager.SessionStore[int] = (*striped[int])(nil)

func newStriped[T any](stripes int) *striped[T] {
	s := &striped[T]{stripes: make([]stripe[T], stripes)}
	for i := range s.stripes {
		s.stripes[i].sessions = map[manager.ID]*T{}
	}
	return s
}

func (s *striped[T]) of(id manager.ID) *stripe[T] { return &s.stripes[int(id[0])%len(s.stripes)] }

// lock locks the stripe for writing. An error means not locked.
func (p *stripe[T]) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return manager.ErrClosed
	}
	return nil
}

func (s *striped[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	p := s.of(id)
	if err := p.lock(ctx); err != nil {
		return false, err
	}
	defer p.mu.Unlock()
	held, found := p.sessions[id]
	if !found {
		fresh := create()
		held = &fresh
		p.sessions[id] = held
	}
	if view != nil {
		view(held)
	}
	return !found, nil
}

func (s *striped[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	p := s.of(id)
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.closed {
		return manager.ErrClosed
	}
	return use(ctx, p.sessions[id], fn)
}

func (s *striped[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	p := s.of(id)
	if err := p.lock(ctx); err != nil {
		return err
	}
	defer p.mu.Unlock()
	return use(ctx, p.sessions[id], fn)
}

func use[T any](ctx context.Context, held *T, fn func(context.Context, *T) error) error {
	if held == nil {
		return manager.ErrNotFound
	}
	return fn(ctx, held)
}

func (s *striped[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	p := s.of(id)
	if err := p.lock(ctx); err != nil {
		return last, err
	}
	defer p.mu.Unlock()
	held, found := p.sessions[id]
	if !found {
		return last, manager.ErrNotFound
	}
	delete(p.sessions, id)
	return *held, nil
}

// Sweep holds one stripe at a time.
func (s *striped[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	for i := range s.stripes {
		m, err := s.stripes[i].sweep(ctx, expired, removed)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (p *stripe[T]) sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	if err := p.lock(ctx); err != nil {
		return 0, err
	}
	defer p.mu.Unlock()
	for id, held := range p.sessions {
		if !expired(id, held) {
			continue
		}
		delete(p.sessions, id)
		n++
		if removed != nil {
			removed(id, *held)
		}
	}
	return n, nil
}

func (s *striped[T]) Len(ctx context.Context) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	for i := range s.stripes {
		p := &s.stripes[i]
		p.mu.RLock()
		n += len(p.sessions)
		p.mu.RUnlock()
	}
	return n, nil
}

// Close marks every stripe closed, after waiting for the closures that run under its lock.
func (s *striped[T]) Close() error {
	for i := range s.stripes {
		p := &s.stripes[i]
		p.mu.Lock()
		p.closed, p.sessions = true, nil
		p.mu.Unlock()
	}
	return nil
}
