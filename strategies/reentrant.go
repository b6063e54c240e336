package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "reentrant",
	Description: "one lock per session, owned by fn's ctx: operations on the session with that ctx do not wait",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
		Reentrant:        true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewReentrant[manager.Session](), nil
	},
})

// Reentrant is [PerSession] with locks that their owner may take again, as Python's RLock and Java's ReentrantLock. Goroutines
// have no identity that could own a lock, so the ctx given to fn does, in Update and View alike: an operation on the same
// session with that ctx, or one derived from it, runs while fn holds the lock. fn sees its changes at once, and its end does not
// release the lock. With any other ctx it deadlocks, as with a mutex.
//
// The ownership ends with fn; afterwards the ctx is like any other. While fn runs, no other goroutine may use it: two goroutines
// would access the session at once, which is a data race.
//
// A nested Delete takes effect at once. What fn changes after it is lost, because the session can no longer be found; a
// GetOrCreate after it, nested or not, creates a new session that fn does not hold. A nested Sweep can remove the session
// likewise. A Close on another goroutine does not wait for the rest of such an fn. Close inside a closure deadlocks.
//
// An operation on another session inside fn takes that session's lock too. Two closures that use each other's sessions deadlock.
type Reentrant[T any] struct {
	engine[T, ownedLock, *ownedLock]
	slabs sync.Pool // of *slab
}

var (
	_ manager.SessionStore[int] = (*Reentrant[int])(nil)
	_ manager.CensusReporter    = (*Reentrant[int])(nil)
)

// NewReentrant returns an empty store.
func NewReentrant[T any]() *Reentrant[T] {
	s := new(Reentrant[T])
	s.index = newRWIndex[entry[T, ownedLock, *ownedLock]]()
	s.slabs.New = func() any { return new(slab) }
	return s
}

// GetOrCreate implements [manager.SessionStore]. view gets no ctx, so nested operations in it deadlock.
func (s *Reentrant[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	return s.engine.GetOrCreate(s.token(ctx), id, create, view)
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *Reentrant[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.engine.View(s.token(ctx), id, fn)
}

// Update implements [manager.SessionStore].
func (s *Reentrant[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.engine.Update(s.token(ctx), id, fn)
}

// Delete implements [manager.SessionStore].
func (s *Reentrant[T]) Delete(ctx context.Context, id manager.ID) (T, error) {
	return s.engine.Delete(s.token(ctx), id)
}

// Sweep implements [manager.SessionStore].
func (s *Reentrant[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (int, error) {
	return s.engine.Sweep(s.token(ctx), expired, removed)
}

// token is the ctx of one operation: the caller's ctx, and a proof of which lock the operation holds. It is never reused for
// another operation, because then a ctx that fn has kept would become valid again.
type token struct {
	context.Context            // the caller's
	lock            *ownedLock // taken by this operation; written only before fn can see the token
}

// slab allocates tokens: one allocation of about 1.5 KB per slabSize operations. The price is that a ctx that is kept keeps its
// whole slab.
type slab struct {
	tokens [slabSize]token
	used   int
}

const slabSize = 64

func (s *Reentrant[T]) token(ctx context.Context) *token {
	b := s.slabs.Get().(*slab)
	t := &b.tokens[b.used]
	b.used++
	if b.used < slabSize {
		s.slabs.Put(b)
	}
	t.Context = ctx
	return t
}

// Value returns the token of the operation, this one or an enclosing one, that holds the lock given as key.
func (t *token) Value(key any) any {
	if l, ok := key.(*ownedLock); ok && l == t.lock {
		return t
	}
	return t.Context.Value(key)
}

// ownedLock is a mutex that records which operation holds it.
type ownedLock struct {
	mu    sync.Mutex
	owner atomic.Pointer[token] // nil when free, or held by Close. Written with mu held
	depth int32                 // operations nested in the owner's. Accessed by the owner only
}

// lock takes the lock for the operation whose token is ctx. If that operation is nested in the one that holds the lock, it shares
// the hold, and closures get the ctx that the caller passed, which proves that hold. The comparison with owner needs no lock:
// only for the owner is it true, and for every other operation it is false whenever it is made.
func (l *ownedLock) lock(ctx context.Context) (context.Context, error) {
	t, isOperation := ctx.(*token)
	if !isOperation { // Close
		l.mu.Lock()
		return ctx, nil
	}
	if outer, _ := t.Context.Value(l).(*token); outer != nil && outer == l.owner.Load() {
		l.depth++
		return t.Context, nil
	}
	manager.LockAsked(t.Context)
	l.mu.Lock()
	manager.LockGranted(t.Context)
	t.lock = l
	l.owner.Store(t)
	return t, nil
}

func (l *ownedLock) unlock() {
	if l.depth > 0 {
		l.depth--
		return
	}
	l.owner.Store(nil)
	l.mu.Unlock()
}
