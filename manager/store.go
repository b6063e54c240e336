// Package manager defines the session store contract, [SessionStore], and two applications that use it, [Chatbot] and
// [Brainstorming], in a benchmark and in a real server alike.
//
// A store keeps values of any type under 16-byte ids and locks access to them; package strategies has implementations. The applications
// keep a [Session], a bounded history of messages and fields, and make the ids:
//
//	store := strategies.NewCLHT[manager.Session]()
//	defer store.Close()
//	bot := manager.NewChatbot(store)
//	id, err := bot.CreateSession(ctx)
//	seq, err := bot.AddMessage(ctx, id, "user", "Is the library open?")
//
// Stores and applications are safe for concurrent use. Their errors are the Err values of this package, wrapped or not, and those that a
// closure returns. What a store declares beyond the contract are its [Guarantees].
package manager

import "context"

// SessionStore keeps sessions of type T by id and locks access to them.
//
// Its methods are safe for concurrent use. Operations on one session are linearizable (Herlihy and Wing, 1990). Every method
// but Close first checks ctx: if it is done, the method returns [ErrNotApplied] and changes nothing. After Close every method
// but Close and Len returns [ErrClosed], or ErrNotApplied if ctx is done, and Len one of these or 0.
//
// A closure runs while the session is held. Once it has started the caller waits for it. If it panics the session is released,
// and the panic reaches the caller on the caller's goroutine. Using the store for the same session inside a closure deadlocks,
// as locking a mutex twice does, unless the store declares [Guarantees].Reentrant.
type SessionStore[T any] interface {
	// GetOrCreate runs view on the session with this id, after creating it with create if it is absent.
	// Of any number of concurrent callers exactly one gets created == true. create may run although its value is
	// discarded; it must not use the store. view may be nil, and must neither change nor keep the session.
	// Errors: ErrNotApplied, ErrClosed.
	GetOrCreate(ctx context.Context, id ID, create func() T, view func(*T)) (created bool, err error)

	// View runs fn on the session. fn must neither change nor keep it. fn's error is returned unchanged.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	View(ctx context.Context, id ID, fn func(ctx context.Context, s *T) error) error

	// Update runs fn on the session exclusively. fn may run more than once (compare-and-swap, Redis) unless the store
	// declares [Guarantees].ExclusiveUpdates, so its only side effects are on s and on what each run overwrites.
	// fn's error is returned unchanged; changes that fn made stay unless [Guarantees].Rollback is declared.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	Update(ctx context.Context, id ID, fn func(ctx context.Context, s *T) error) error

	// Delete removes the session and everything kept for it, including its lock, and returns its final state, which is the caller's: it
	// shares nothing mutable with what a closure still reads.
	// Errors: ErrNotFound, ErrNotApplied, ErrClosed.
	Delete(ctx context.Context, id ID) (last T, err error)

	// Sweep calls expired for each session that exists during the whole call, removes it if expired returns true, and calls
	// removed, which may be nil, exactly once for each removed session, with its final state, which is the callback's. A session that
	// another operation holds, also another Sweep or Close, is waited for, or left out, because it is in use; it does not keep the
	// others from being removed. expired runs under the session's lock; removed is not called concurrently; neither may use the
	// store. n is the number of removed sessions, also beside an error.
	// Errors: ErrNotApplied, ErrClosed.
	Sweep(ctx context.Context, expired func(id ID, s *T) bool, removed func(id ID, last T)) (n int, err error)

	// Len returns the number of sessions, exact while no other operation runs. O(n) on some stores.
	Len(ctx context.Context) (int, error)

	// Close waits for running closures that hold a session; operations that wait meanwhile are applied, or return ErrClosed and are
	// not. It is idempotent and joins every goroutine of the store.
	Close() error
}

// Census counts what a store holds, to find leaks: while no operation runs, Locks is at most what Sessions explains. Goroutines, such as
// the owners of shards, may be as many as the store likes, if they do not grow with the sessions that were removed.
type Census struct {
	Sessions   int // sessions that can be found
	Locks      int // locks, owners or mailboxes of single sessions; 0 where there are none per session
	Goroutines int // running goroutines of the store
}

// CensusReporter is implemented by stores that can count what they hold. The counts are exact while no operation runs.
type CensusReporter interface {
	Census() Census
}
