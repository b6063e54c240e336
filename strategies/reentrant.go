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
	sessions *rwIndex[entry[T, ownedLock, *ownedLock]] // the engine's index
	slabs    sync.Pool                                 // of *slab
}

var (
	_ manager.SessionStore[int] = (*Reentrant[int])(nil)
	_ manager.CensusReporter    = (*Reentrant[int])(nil)
)

// NewReentrant returns an empty store.
func NewReentrant[T any]() *Reentrant[T] {
	s := &Reentrant[T]{sessions: newRWIndex[entry[T, ownedLock, *ownedLock]]()}
	s.index = s.sessions
	s.slabs.New = func() any { return new(slab) }
	return s
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *Reentrant[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *Reentrant[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	if e.l.depth > 0 { // ctx proves the hold
		defer e.l.unlock()
		return fn(ctx, &e.val)
	}
	t := s.token(ctx)
	e.l.owner.Store(t)
	defer func() {
		e.l.owner.Store(nil)
		e.l.unlock()
	}()
	return fn(t, &e.val)
}

// hold is engine.hold, written out because it is hot.
func (s *Reentrant[T]) hold(ctx context.Context, id manager.ID) (*entry[T, ownedLock, *ownedLock], error) {
	if e := s.sessions.load(id); e != nil && ctx.Err() == nil {
		manager.LockAsked(ctx)
		e.l.acquire(ctx)
		manager.LockGranted(ctx)
		if !e.dead && !s.closed.Load() {
			return e, nil
		}
		e.l.unlock()
	}
	e, _, err := s.engine.hold(ctx, id)
	return e, err
}

// token is the ctx of fn: the caller's ctx, and the identity of the operation. It is never reused for another operation, because then
// a ctx that fn has kept would become valid again.
type token struct{ context.Context }

// slab allocates tokens: one allocation of 2 KB per slabSize operations. The price is that a ctx that is kept keeps its whole slab.
type slab struct {
	tokens [slabSize]token
	used   int
}

const slabSize = 127

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
	if l, ok := key.(*ownedLock); ok && l.owner.Load() == t {
		return t
	}
	return t.Context.Value(key)
}

// ownedLock is a mutex that the operation that holds it may take again, with a ctx that has the owner's token.
type ownedLock struct {
	mu    sync.Mutex
	depth int32                 // operations nested in the one that holds mu. Accessed by that one and by the nested ones only
	owner atomic.Pointer[token] // of the one that holds mu; nil while it runs no fn. Written with mu held
}

func (l *ownedLock) lock(ctx context.Context) (context.Context, error) {
	l.acquire(ctx)
	return ctx, nil
}

// acquire takes the lock, or shares the hold of the operation in which this one is nested. An operation that gets a free lock is not
// nested in one that holds it, so the values of ctx, which may be a long list, are searched only if the lock is taken.
func (l *ownedLock) acquire(ctx context.Context) {
	if l.mu.TryLock() {
		return
	}
	if ctx.Value(l) != nil {
		l.depth++
		return
	}
	l.mu.Lock()
}

func (l *ownedLock) unlock() {
	if l.depth > 0 {
		l.depth--
		return
	}
	l.mu.Unlock()
}
