package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "noop",
	Description: "no store: each user's closures run on one dummy session; measures the harness",
	Harness:     true,
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return newNoop(func() manager.Session { return manager.Session{} }), nil
	},
})

// PerUser is implemented by a store that has to be used through a separate store per user. User is called once for each user,
// before its first operation.
type PerUser[T any] interface {
	User() manager.SessionStore[T]
}

// noop is not a store but measures what driving a store costs: every closure runs on the same dummy, whatever the id. It ignores
// contexts, is never closed, finds every session and removes none, so that an operation on it is the harness's work only.
//
// Unlike every other SessionStore it is not safe for concurrent use: each goroutine gets one from User.
// Inside a closure every method may be used.
type noop[T any] struct {
	_     [128]byte // two cache lines, which processors fetch together, so that no two dummies share a pair
	dummy T
	_     [128]byte

	zero func() T
}

var (
	_ manager.SessionStore[int] = (*noop[int])(nil)
	_ manager.CensusReporter    = (*noop[int])(nil)
	_ PerUser[int]              = (*noop[int])(nil)
)

// newNoop returns a probe whose dummy, and that of each user, is created by zero.
func newNoop[T any](zero func() T) *noop[T] { return &noop[T]{dummy: zero(), zero: zero} }

// User implements [PerUser] by a probe with a separate dummy.
func (s *noop[T]) User() manager.SessionStore[T] { return newNoop(s.zero) }

// GetOrCreate runs view on the dummy and reports it as created, as managers that generate ids expect.
func (s *noop[T]) GetOrCreate(_ context.Context, _ manager.ID, _ func() T, view func(*T)) (bool, error) {
	if view != nil {
		view(&s.dummy)
	}
	return true, nil
}

// View runs fn on the dummy.
func (s *noop[T]) View(ctx context.Context, _ manager.ID, fn func(context.Context, *T) error) error {
	return fn(ctx, &s.dummy)
}

// Update runs fn on the dummy, which keeps the change.
func (s *noop[T]) Update(ctx context.Context, _ manager.ID, fn func(context.Context, *T) error) error {
	return fn(ctx, &s.dummy)
}

// Delete returns the dummy and keeps it.
func (s *noop[T]) Delete(context.Context, manager.ID) (T, error) { return s.dummy, nil }

// Sweep removes nothing and calls neither function.
func (s *noop[T]) Sweep(context.Context, func(manager.ID, *T) bool, func(manager.ID, T)) (int, error) {
	return 0, nil
}

// Len returns 0.
func (s *noop[T]) Len(context.Context) (int, error) { return 0, nil }

// Close does nothing.
func (s *noop[T]) Close() error { return nil }

// Census returns zero counts.
func (s *noop[T]) Census() manager.Census { return manager.Census{} }
