package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "noop",
	Description: "no store: closures run on a dummy of the user's own; measures the harness",
	Harness:     true,
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewNoop(func() manager.Session { return manager.Session{} }), nil
	},
	OpenProbe: func(Values) (manager.SessionStore[Probe], error) {
		return NewNoop(func() Probe { return Probe{} }), nil
	},
})

// PerUser is implemented by a store that wants to be asked, once for each user and before it acts, for the store that
// this user is to use.
type PerUser[T any] interface {
	User() manager.SessionStore[T]
}

// Noop is no store but a probe of what driving one costs: every closure runs on the same dummy, whatever the id. It
// looks at no context, is never closed, finds every session and removes none, so that an operation on it is
// the harness's own work and nothing else.
//
// It is the one SessionStore that must not be used by two goroutines at once: each takes one of its own from User.
// From inside a closure it may be used freely.
type Noop[T any] struct {
	_     [128]byte // two cache lines, which processors fetch together: no dummy shares a pair with another
	dummy T
	_     [128]byte

	zero func() T
}

var (
	_ manager.SessionStore[int] = (*Noop[int])(nil)
	_ manager.CensusReporter    = (*Noop[int])(nil)
	_ PerUser[int]              = (*Noop[int])(nil)
)

// NewNoop makes a probe whose dummy, and that of each user, is what zero returns.
func NewNoop[T any](zero func() T) *Noop[T] { return &Noop[T]{dummy: zero(), zero: zero} }

// User implements [PerUser]: a probe with a dummy of its own.
func (s *Noop[T]) User() manager.SessionStore[T] { return NewNoop(s.zero) }

// GetOrCreate shows view the dummy and says that it was created, which is what a manager that mints ids expects.
func (s *Noop[T]) GetOrCreate(_ context.Context, _ manager.ID, _ func() T, view func(*T)) (bool, error) {
	if view != nil {
		view(&s.dummy)
	}
	return true, nil
}

// View runs fn on the dummy.
func (s *Noop[T]) View(ctx context.Context, _ manager.ID, fn func(context.Context, *T) error) error {
	return fn(ctx, &s.dummy)
}

// Update runs fn on the dummy, which keeps the change.
func (s *Noop[T]) Update(ctx context.Context, _ manager.ID, fn func(context.Context, *T) error) error {
	return fn(ctx, &s.dummy)
}

// Delete returns the dummy, and leaves it.
func (s *Noop[T]) Delete(context.Context, manager.ID) (T, error) { return s.dummy, nil }

// Sweep removes nothing and asks nobody.
func (s *Noop[T]) Sweep(context.Context, func(manager.ID, *T) bool, func(manager.ID, T)) (int, error) {
	return 0, nil
}

// Len is 0.
func (s *Noop[T]) Len(context.Context) (int, error) { return 0, nil }

// Close does nothing.
func (s *Noop[T]) Close() error { return nil }

// Census is empty.
func (s *Noop[T]) Census() manager.Census { return manager.Census{} }
