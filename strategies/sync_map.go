package strategies

import (
	"context"
	"iter"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "sync-map",
	Description: "sync.Map, read without a lock, to find a session; one mutex in each session, held while it is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewSyncMap[manager.Session](), nil
	},
})

// SyncMap has one mutex per session and finds sessions through a [sync.Map].
//
// A look-up takes no lock and writes nothing that is shared; insertions and removals lock one node of the map's trie.
// A closure, View's included, holds its session's mutex. A busy session delays only operations on
// that session. Len counts, in time proportional to the number of sessions.
//
// Inside a closure, operations on the same session, Sweep and Close deadlock. Operations on another session work; two closures
// that use each other's sessions deadlock, as two mutexes locked in opposite orders do.
type SyncMap[T any] struct {
	mutexEngine[T]
	sessions *syncMapIndex[mutexEntry[T]] // the engine's index
}

var (
	_ manager.SessionStore[int] = (*SyncMap[int])(nil)
	_ manager.CensusReporter    = (*SyncMap[int])(nil)
)

// NewSyncMap returns an empty store.
func NewSyncMap[T any]() *SyncMap[T] {
	s := &SyncMap[T]{sessions: new(syncMapIndex[mutexEntry[T]])}
	s.index = s.sessions
	return s
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *SyncMap[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}

// Update implements [manager.SessionStore].
func (s *SyncMap[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}

// syncMapIndex is a sync.Map from manager.ID to *E.
type syncMapIndex[E any] struct{ m sync.Map }

func (x *syncMapIndex[E]) load(id manager.ID) *E {
	e, _ := x.m.Load(id)
	found, _ := e.(*E)
	return found
}

func (x *syncMapIndex[E]) insert(id manager.ID, e *E) bool {
	_, taken := x.m.LoadOrStore(id, e)
	return !taken
}

func (x *syncMapIndex[E]) remove(id manager.ID, e *E) { x.m.CompareAndDelete(id, e) }

func (x *syncMapIndex[E]) all() iter.Seq2[manager.ID, *E] {
	return func(yield func(manager.ID, *E) bool) {
		x.m.Range(func(id, e any) bool { return yield(id.(manager.ID), e.(*E)) })
	}
}

func (x *syncMapIndex[E]) len() int {
	n := 0
	x.m.Range(func(any, any) bool { n++; return true })
	return n
}

func (x *syncMapIndex[E]) clear() { x.m.Clear() }
