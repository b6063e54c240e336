package strategies

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:            "cancellable",
	Description:     "one FIFO lock per session; the wait for it ends with ctx",
	WaitsOnChannels: true,
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
		Cancellable:      manager.CancelAlways,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewCancellable[manager.Session](), nil
	},
})

// Cancellable is [PerSession] with cancellable waits, as the locks of asynchronous runtimes have (Python's asyncio.Lock, Rust's
// tokio::sync::Mutex). An operation whose ctx is done while it waits returns ErrNotApplied and delays no other: a lock that it
// was granted at that moment is passed to the next waiter.
//
// Waiters are served in order of arrival, so none starves. The price is that a busy lock always goes to a goroutine that has to
// be woken first, whereas a sync.Mutex may go to one that is already running: on a busy session with short closures this is
// slower. An uncontended lock is taken without an allocation.
//
// Inside a closure, operations on the same session, and Sweep, block until that ctx is done; Close deadlocks. Operations on
// another session work; two closures that use each other's sessions deadlock until one ctx is done.
type Cancellable[T any] struct {
	engine[T, fifoLock, *fifoLock]
	sessions *rwIndex[entry[T, fifoLock, *fifoLock]] // the engine's index
}

var (
	_ manager.SessionStore[int] = (*Cancellable[int])(nil)
	_ manager.CensusReporter    = (*Cancellable[int])(nil)
)

// NewCancellable returns an empty store.
func NewCancellable[T any]() *Cancellable[T] {
	s := &Cancellable[T]{sessions: newRWIndex[entry[T, fifoLock, *fifoLock]]()}
	s.index = s.sessions
	return s
}

// View implements [manager.SessionStore]. It holds the session exclusively, as Update does.
func (s *Cancellable[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore]. It is engine.Update, written out because it is hot; that one has the exceptional cases.
func (s *Cancellable[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	e := s.sessions.load(id)
	if e == nil || ctx.Err() != nil {
		return s.engine.Update(ctx, id, fn)
	}
	manager.LockAsked(ctx)
	if err := e.l.acquire(ctx); err != nil {
		return err
	}
	manager.LockGranted(ctx)
	if e.dead || s.closed.Load() {
		e.l.unlock()
		return s.engine.Update(ctx, id, fn)
	}
	defer e.l.unlock()
	return fn(ctx, &e.val)
}

// fifoLock is a lock that its holder passes to the longest waiter. As long as there are no waiters it is taken and released by one
// atomic operation each.
//
// A channel of capacity 1 would be a cancellable lock as well, at 96 bytes per session and a select per acquisition.
// [golang.org/x/sync/semaphore] allocates for each wait.
type fifoLock struct {
	state   atomic.Uint32 // one of those below; changed to and from fifoQueued only with mu held
	mu      sync.Mutex    // protects what follows; never held while waiting
	waiting *queue        // not nil while fifoQueued: there was a waiter since the lock was last free
}

// The states of a fifoLock. A lock that is passed on stays fifoQueued.
const (
	fifoFree uint32 = iota
	fifoHeld
	fifoQueued
)

// queue is the waiters for a lock in order of arrival. It exists only while there are any, so that an idle session does not pay
// for it, and reuses them meanwhile.
type queue struct {
	first, last *waiter
	spare       *waiter // linked by next
}

// waiter is a place in a queue.
type waiter struct {
	next, prev *waiter
	queued     bool
	granted    chan struct{} // receives a token when the waiter is taken from the queue; capacity 1
}

func (l *fifoLock) lock(ctx context.Context) (context.Context, error) { return ctx, l.acquire(ctx) }

// acquire takes the lock, or returns an error if ctx is done first.
func (l *fifoLock) acquire(ctx context.Context) error {
	if l.state.CompareAndSwap(fifoFree, fifoHeld) {
		return nil
	}
	w := l.enqueue()
	if w == nil {
		return nil
	}
	return l.wait(ctx, w)
}

// enqueue returns a place in the queue, or nil if the lock was free and has been taken.
func (l *fifoLock) enqueue() *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		for !l.state.CompareAndSwap(fifoHeld, fifoQueued) {
			if l.state.CompareAndSwap(fifoFree, fifoHeld) {
				return nil
			}
		}
		l.waiting = new(queue)
	}
	return l.waiting.join()
}

// wait returns nil once w is granted the lock, or an error if ctx is done first.
func (l *fifoLock) wait(ctx context.Context, w *waiter) error {
	granted := true
	select {
	case <-w.granted:
	case <-ctx.Done():
		granted = false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.waiting // not nil: the lock was not free while w was in use
	if !granted {
		if w.queued {
			q.leave(w)
		} else { // granted at the same moment: pass it on
			<-w.granted
			l.release()
		}
	}
	q.recycle(w)
	if !granted {
		return manager.NotApplied(ctx.Err())
	}
	return nil
}

func (l *fifoLock) unlock() {
	if l.state.CompareAndSwap(fifoHeld, fifoFree) {
		return
	}
	l.mu.Lock()
	l.release()
	l.mu.Unlock()
}

// release passes a lock in fifoQueued to the first waiter, or frees it. mu is held.
func (l *fifoLock) release() {
	if w := l.waiting.first; w != nil {
		l.waiting.leave(w)
		w.granted <- struct{}{}
		return
	}
	l.waiting = nil
	l.state.Store(fifoFree)
}

func (q *queue) join() *waiter {
	w := q.spare
	if w == nil {
		w = &waiter{granted: make(chan struct{}, 1)}
	} else {
		q.spare = w.next
	}
	w.queued, w.prev, w.next = true, q.last, nil
	if q.last == nil {
		q.first = w
	} else {
		q.last.next = w
	}
	q.last = w
	return w
}

func (q *queue) leave(w *waiter) {
	if w.prev == nil {
		q.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.queued, w.prev, w.next = false, nil, nil
}

// recycle keeps a waiter that has left the queue for reuse.
func (q *queue) recycle(w *waiter) { w.next, q.spare = q.spare, w }
