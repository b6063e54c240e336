package strategies

import (
	"context"
	"iter"

	"github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "xsync",
	Description: "puzpuzpuz/xsync's map, read without a lock, to find a session; one mutex in each session, held while it is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewXsync[manager.Session](), nil
	},
})

// Xsync has one mutex per session and finds sessions through [xsync.Map], a hash table in cache-line
// sized buckets after CLHT (David, Guerraoui and Trigonakis, 2015).
//
// A look-up takes no lock and writes nothing that is shared; insertions and removals lock one bucket.
// A closure, View's included, holds its session's mutex. A busy session delays only operations on
// that session.
//
// Inside a closure, operations on the same session, Sweep and Close deadlock. Operations on another session work; two closures
// that use each other's sessions deadlock, as two mutexes locked in opposite orders do.
type Xsync[T any] struct {
	mutexEngine[T]
	sessions xsyncIndex[mutexEntry[T]] // the engine's index
}

var (
	_ manager.SessionStore[int] = (*Xsync[int])(nil)
	_ manager.CensusReporter    = (*Xsync[int])(nil)
)

// NewXsync returns an empty store.
func NewXsync[T any]() *Xsync[T] {
	s := &Xsync[T]{sessions: xsyncIndex[mutexEntry[T]]{xsync.NewMap[manager.ID, *mutexEntry[T]]()}}
	s.index = s.sessions
	return s
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *Xsync[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}

// Update implements [manager.SessionStore].
func (s *Xsync[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return useFound(ctx, &s.mutexEngine, id, s.sessions.load(id), fn)
}

// xsyncIndex is an xsync.Map as an index.
type xsyncIndex[E any] struct{ m *xsync.Map[manager.ID, *E] }

func (x xsyncIndex[E]) load(id manager.ID) *E { e, _ := x.m.Load(id); return e }

func (x xsyncIndex[E]) insert(id manager.ID, e *E) bool {
	_, taken := x.m.LoadOrStore(id, e)
	return !taken
}

func (x xsyncIndex[E]) remove(id manager.ID, e *E) {
	x.m.Compute(id, func(found *E, _ bool) (*E, xsync.ComputeOp) {
		if found == e {
			return nil, xsync.DeleteOp
		}
		return found, xsync.CancelOp
	})
}

// all copies bucket by bucket: xsync's Range yields with no bucket locked.
func (x xsyncIndex[E]) all() iter.Seq2[manager.ID, *E] { return x.m.Range }

func (x xsyncIndex[E]) len() int { return x.m.Size() }

func (x xsyncIndex[E]) clear() { x.m.Clear() }
