package strategies

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

var _ = register(Strategy{
	Name:            "cancellable",
	Description:     "one lock in each session, first come first served; the wait for it ends with ctx",
	WaitsOnChannels: true,
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksSession,
		ExclusiveUpdates: true,
		Cancellable:      manager.CancelAlways,
	},
	Open: func(Values) (manager.SessionStore[manager.Session], error) {
		return NewCancellable[manager.Session](), nil
	},
	OpenProbe: func(Values) (manager.SessionStore[Probe], error) { return NewCancellable[Probe](), nil },
})

// Cancellable is [PerSession] with locks that one can stop waiting for, as the locks of asynchronous runtimes (Python's
// asyncio.Lock, Rust's tokio::sync::Mutex). An operation whose ctx ends while it waits gives ErrNotApplied and keeps
// nobody waiting: a lock that it was granted at that moment goes on to the next.
//
// Waiting is first come first served, so nobody starves. The price is that a busy lock always goes to a goroutine that
// has to be woken first, whereas a sync.Mutex may go to one that is running already: on a busy session
// with short closures this is slower. A free lock is taken without an allocation.
//
// From inside a closure, using the same session hangs until that ctx ends, and so does Sweep; Close hangs in any case.
// Using another session works; two closures that use each other's sessions deadlock until one ctx ends.
type Cancellable[T any] struct {
	engine[T, fifoLock, *fifoLock]
}

var (
	_ manager.SessionStore[int] = (*Cancellable[int])(nil)
	_ manager.CensusReporter    = (*Cancellable[int])(nil)
)

// NewCancellable makes an empty store.
func NewCancellable[T any]() *Cancellable[T] {
	s := new(Cancellable[T])
	s.index = newRWIndex[entry[T, fifoLock, *fifoLock]]()
	return s
}

// fifoLock is a lock that is handed from its holder to the one who has waited longest.
//
// A channel of capacity 1 would be a lock whose wait can be cancelled as well, at 96 bytes a session and
// a select for each taking. [golang.org/x/sync/semaphore] allocates for each wait.
type fifoLock struct {
	mu      sync.Mutex // protects what follows; never held while waiting
	held    bool       // stays true while the lock is handed on
	waiting *queue     // nil unless somebody has waited since the lock was last free
}

// queue is those who wait for a lock, in the order of their coming. It lives while they do, so that a
// session at rest does not carry it; until then it uses its waiters again.
type queue struct {
	first, last *waiter
	spare       *waiter // linked by next
}

// waiter is a place in a queue.
type waiter struct {
	next, prev *waiter
	queued     bool
	granted    chan struct{} // gets a token as the waiter is taken from the queue; capacity 1
}

func (l *fifoLock) lock(ctx context.Context) (context.Context, error) {
	l.mu.Lock()
	if !l.held {
		l.held = true
		l.mu.Unlock()
		return ctx, nil
	}
	if l.waiting == nil {
		l.waiting = new(queue)
	}
	w := l.waiting.join()
	l.mu.Unlock()
	if err := l.wait(ctx, w); err != nil {
		return nil, err
	}
	return ctx, nil
}

// wait returns when w was granted the lock, or with an error when ctx ended first.
func (l *fifoLock) wait(ctx context.Context, w *waiter) error {
	granted := true
	select {
	case <-w.granted:
	case <-ctx.Done():
		granted = false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.waiting // not nil: as long as w is in use, the lock was not free
	if !granted {
		if w.queued {
			q.leave(w)
		} else { // granted at the same moment, and not wanted any more
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
	l.mu.Lock()
	l.release()
	l.mu.Unlock()
}

// release hands the lock to the first in the queue, or leaves it free. mu is held.
func (l *fifoLock) release() {
	if l.waiting != nil && l.waiting.first != nil {
		w := l.waiting.first
		l.waiting.leave(w)
		w.granted <- struct{}{}
		return
	}
	l.held, l.waiting = false, nil
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

// recycle keeps a waiter that has left for the next to come.
func (q *queue) recycle(w *waiter) { w.next, q.spare = q.spare, w }
