// Package manager holds the session store contract and the two applications that sit on it: a chatbot and a
// brainstorming server. Any [SessionStore] carries either of them, in a benchmark and in a real server alike.
package manager

import "context"

// SessionStore keeps sessions of type T by id and decides how access to them is locked.
//
// Every method may be called from any number of goroutines. Operations on one session are linearizable
// (Herlihy and Wing, 1990). Every method but Close first looks at ctx: one that is already done gives
// [ErrNotApplied] and changes nothing. After Close every method but Close and Len gives [ErrClosed].
//
// A closure is called on behalf of the caller while the session is held. Once it has started the caller waits for
// it. When it panics the session is let go and the panic reaches the caller on the caller's own goroutine.
// Using the store for the same session from inside a closure hangs, as locking a mutex twice does, unless
// the store declares [Guarantees].Reentrant.
type SessionStore[T any] interface {
	// GetOrCreate shows view the session with this id, first creating it with create when absent.
	// Of any number of concurrent callers exactly one sees created == true. create may run and its value be
	// discarded; it must not use the store. view must neither change nor keep the session; nil means nothing to see.
	GetOrCreate(ctx context.Context, id ID, create func() T, view func(*T)) (created bool, err error)

	// View shows fn the session. fn must neither change nor keep it. fn's error comes back as it is.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	View(ctx context.Context, id ID, fn func(ctx context.Context, s *T) error) error

	// Update gives fn the session alone. fn may run more than once (compare-and-swap, Redis) unless the store
	// declares [Guarantees].Alone, so it has no side effects beyond s and what it overwrites at each run.
	// fn's error comes back as it is; what fn changed until then stays, unless [Guarantees].Rollback is declared.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	Update(ctx context.Context, id ID, fn func(ctx context.Context, s *T) error) error

	// Delete removes the session and everything kept for it, its lock included, and returns it as it last was.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	Delete(ctx context.Context, id ID) (last T, err error)

	// Sweep removes each session for which expired says so, asked only under that session's lock, and
	// hands each one removed to removed exactly once (nil: nobody wants to know). removed is called
	// on one goroutine at a time; neither function may use the store. n is the number removed, also beside an error.
	Sweep(ctx context.Context, expired func(id ID, s *T) bool, removed func(id ID, last T)) (n int, err error)

	// Len is the number of sessions, exact when nothing else is running. O(n) on some stores.
	Len(ctx context.Context) (int, error)

	// Close waits for running closures; operations still waiting give ErrClosed, unapplied. It is idempotent and
	// joins every goroutine of the store.
	Close() error
}

// Census counts what a store holds, for leak checks: after quiescence Locks never exceeds what Sessions explain.
type Census struct {
	Sessions   int // sessions that can be found
	Locks      int // locks, owners or mailboxes kept for single sessions; 0 where locks are not made per session
	Goroutines int // goroutines the store runs now
}

// CensusReporter is implemented by stores that can count what they hold. The figures are exact when nothing else is running.
type CensusReporter interface {
	Census() Census
}
