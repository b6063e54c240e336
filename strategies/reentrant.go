package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:        "reentrant",
	Description: "one lock in each session, owned through fn's ctx: who uses the session again with that ctx goes straight in",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
		Reentrant:        true,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewReentrant[manager.Session](), nil
	},
	OpenProbe: func(Values) (manager.SessionStore[Probe], error) { return NewReentrant[Probe](), nil },
})

// Reentrant is [PerSession] with locks that their owner may take again, as Python's RLock and Java's ReentrantLock. Go
// has no thread to own a lock, so the ctx given to fn does, by Update and View alike: an operation on the same session
// with that ctx, or one derived from it, runs inside fn's hold. Its changes are seen by fn at once, and
// its end is not the end of the hold. With any other ctx it hangs, as with a mutex.
//
// The ownership ends with fn. A ctx kept longer is a ctx like any other. It must not reach another goroutine
// while fn runs: both would be let in at once, which is a data race.
//
// A nested Delete takes effect at once. What fn changes after it is lost, as nobody can find that session any more; a
// GetOrCreate after it, nested or not, creates a new one that fn does not hold. A nested Sweep can remove the
// session likewise. A Close on another goroutine does not wait for the rest of such an fn. Close hangs from inside a
// closure.
//
// Using another session from inside fn takes that one's lock, too. Two closures that use each other's sessions deadlock.
type Reentrant[T any] struct {
	engine[T, ownedLock, *ownedLock]
	slabs sync.Pool // of *slab
}

var (
	_ manager.SessionStore[int] = (*Reentrant[int])(nil)
	_ manager.CensusReporter    = (*Reentrant[int])(nil)
)

// NewReentrant makes an empty store.
func NewReentrant[T any]() *Reentrant[T] {
	s := new(Reentrant[T])
	s.index = newRWIndex[entry[T, ownedLock, *ownedLock]]()
	s.slabs.New = func() any { return new(slab) }
	return s
}

// GetOrCreate implements [manager.SessionStore]. view gets no ctx, so it must not use the session again.
func (s *Reentrant[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	return s.engine.GetOrCreate(s.token(ctx), id, create, view)
}

// View implements [manager.SessionStore]. It has the session alone, as Update does.
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

// token is the ctx of one operation: the caller's ctx, and a proof of which lock the operation holds. It is never used for
// a second operation, for a ctx that fn kept would prove something again.
type token struct {
	context.Context            // the caller's
	lock            *ownedLock // taken by this operation; written only before fn can see the token
}

// slab is where tokens come from: one allocation of about 1.5 KB in slabSize operations. The price is that
// a ctx that somebody keeps also keeps its neighbours.
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

// Value answers a lock that asks whether this operation, or one that it is nested in, has taken it.
func (t *token) Value(key any) any {
	if l, asked := key.(*ownedLock); asked && l == t.lock {
		return t
	}
	return t.Context.Value(key)
}

// ownedLock is a mutex that knows which operation holds it.
type ownedLock struct {
	mu    sync.Mutex
	owner atomic.Pointer[token] // nil when free, or held by Close. Written with mu held
	depth int32                 // operations nested in the owner's. Touched by the owner only
}

// lock takes the lock for the operation whose token ctx is, or joins the hold of the operation that this one is
// nested in; then closures get the ctx that the caller passed, which proves that hold. Only an owner finds itself to
// be the owner, so the comparison needs no lock: for everybody else it is false whenever it is made.
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
	l.mu.Lock()
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
