package strategies

import (
	"context"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "per-session",
	Description: "a map under an RWMutex, held to find a session; one mutex in each session, held while it is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewPerSession[manager.Session](), nil
	},
})

// PerSession has one mutex per session and finds sessions through a map under an RWMutex: the textbook remedy for one lock around
// everything.
//
// The map's lock is held for a look-up, an insertion or a removal, never while a closure runs. A closure, View's
// included, holds its session's mutex. A busy session delays only operations on that session. All look-ups
// still write the RWMutex's reader count, one cache line shared by all processors.
//
// Inside a closure, operations on the same session, Sweep and Close deadlock. Operations on another session work; two closures
// that use each other's sessions deadlock, as two mutexes locked in opposite orders do.
type PerSession[T any] struct {
	mutexEngine[T]
	sessions *rwIndex[mutexEntry[T]] // the engine's index
}

var (
	_ manager.SessionStore[int] = (*PerSession[int])(nil)
	_ manager.CensusReporter    = (*PerSession[int])(nil)
)

// NewPerSession returns an empty store.
func NewPerSession[T any]() *PerSession[T] {
	s := &PerSession[T]{sessions: newRWIndex[mutexEntry[T]]()}
	s.index = s.sessions
	return s
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *PerSession[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}

// Update implements [manager.SessionStore].
func (s *PerSession[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}
