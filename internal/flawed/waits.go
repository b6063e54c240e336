package flawed

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in waiting: deadlocks, lost wake-ups, starvation, cancellation.

var _ = register(Flaw{
	Name:       "nested-deadlock",
	How:        "an update inside an update is declared to be possible, and waits for itself",
	Copies:     "calling back into a store under a lock that is not reentrant: a Go mutex in place of Python's RLock",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Reentrant: true},
	Open:       on(func(s *correct) store { return s }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Nested},
	},
	Kills: []history.Anomaly{history.Hang},
})

var _ = register(Flaw{
	Name:   "crossed-deadlock",
	How:    "an update acquires the session's lock and then the table's, a sweep the table's and then the session's",
	Copies: "two locks in two orders (A then B, B then A): bookkeeping for all sessions inside the critical section of one",
	Open:   on(func(s *correct) store { return crossed{s, s.newMutex()} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Sweep, Past: haveTable},
		{User: userA},
	},
	Kills: []history.Anomaly{history.Hang},
})

const haveTable = "the table is locked"

type crossed struct {
	*correct
	all locker
}

func (s crossed) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.correct.Update(ctx, id, func(ctx context.Context, v *session) error {
		err := fn(ctx, v)
		if lockErr := s.all.acquire(ctx); lockErr != nil {
			return lockErr
		}
		s.all.release()
		return err
	})
}

func (s crossed) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (int, error) {
	if err := s.all.acquire(ctx); err != nil {
		return 0, err
	}
	defer s.all.release()
	s.Reach(ctx, haveTable)
	return s.correct.Sweep(ctx, expired, removed)
}

var _ = register(Flaw{
	Name:   "panic-keeps-lock",
	How:    "a panic in an update's closure leaves the lock held",
	Copies: "CherryPy #329: the session lock stayed held when an error handler failed; in Go, Unlock without defer",
	Open:   on(func(s *correct) store { return panicKeepsLock{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Ending: verify.Panics},
		{User: userB, Do: history.Append},
	},
	Kills: []history.Anomaly{history.Hang},
})

type panicKeepsLock struct{ *correct }

func (s panicKeepsLock) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	err = fn(ctx, &e.val)
	e.lock.release()
	return err
}

var alwaysCancellable = manager.Guarantees{
	Blocks: manager.BlocksSession, ExclusiveUpdates: true, Cancellable: manager.CancelAlways,
}

// cancelledInQueue cancels B's update, which waits for A's.
var cancelledInQueue = verify.Schedule{
	{User: userA, Do: history.GetOrCreate},
	{User: userA, Do: history.Append, Hold: verify.Inside},
	{User: userB, Do: history.Append, Past: queued},
	{User: userB, Cancel: true},
	{User: userA},
	{User: userC, Do: history.ReadMessages},
}

var _ = register(Flaw{
	Name:       "cancelled-still-applies",
	How:        "an update that is cancelled while it waits is reported as not applied, and is applied later",
	Copies:     "jackc/pgx #2110: a commit is reported as cancelled, and is executed",
	Guarantees: alwaysCancellable,
	Open:       on(func(s *correct) store { return stillApplies{s.queueing(firstCome, false)} }),
	Schedule:   cancelledInQueue,
	Kills:      []history.Anomaly{history.AbortedRead, history.WrongAnswer, history.LateClosure},
})

type stillApplies struct{ *correct }

func (s stillApplies) Update(ctx context.Context, id manager.ID, fn closure) error {
	var started atomic.Bool
	finished := make(chan func() error, 1) // receives how the update ended
	go func() {
		defer func() {
			if v := recover(); v != nil {
				finished <- func() error { panic(v) }
			}
		}()
		err := s.correct.Update(context.WithoutCancel(ctx), id, func(ctx context.Context, v *session) error {
			started.Store(true)
			return fn(ctx, v)
		})
		finished <- func() error { return err }
	}()
	select {
	case <-ctx.Done():
		if !started.Load() {
			return manager.NotApplied(ctx.Err())
		}
		return (<-finished)()
	case end := <-finished:
		return end()
	}
}

// queue is a lock that is handed to a waiter chosen by next.
type queue struct {
	*correct
	next    func(waiting int) int // index of the waiter that gets the lock
	cancels bool                  // a waiter whose ctx ends returns
	mu      sync.Mutex            // protects the following
	held    bool
	waiting []chan struct{}
}

// queueing gives the store's sessions locks that are queues.
func (s *correct) queueing(next func(waiting int) int, cancels bool) *correct {
	s.newLock = func() locker { return &queue{correct: s, next: next, cancels: cancels} }
	return s
}

const queued = "queued"

func firstCome(int) int { return 0 }

func lastCome(waiting int) int { return waiting - 1 }

func (q *queue) acquire(ctx context.Context) error {
	q.mu.Lock()
	if !q.held {
		q.held = true
		q.mu.Unlock()
		return nil
	}
	granted := make(chan struct{}, 1)
	q.waiting = append(q.waiting, granted)
	q.mu.Unlock()
	q.Reach(ctx, queued)
	var cancelled <-chan struct{}
	if q.cancels {
		cancelled = ctx.Done()
	}
	select {
	case <-granted:
		return nil
	case <-cancelled:
		return manager.NotApplied(ctx.Err())
	case <-q.abandoned:
		return manager.ErrClosed
	}
}

func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.held = false
		return
	}
	i := q.next(len(q.waiting))
	q.waiting[i] <- struct{}{}
	q.waiting = slices.Delete(q.waiting, i, i+1)
}

var _ = register(Flaw{
	Name:       "cancelled-waiter-leaks",
	How:        "a cancelled waiter stays in the queue, is handed the lock, and never releases it",
	Copies:     "Python bpo-27585: asyncio.Lock deadlocked after a waiter had been cancelled",
	Guarantees: alwaysCancellable,
	Open:       on(func(s *correct) store { return s.queueing(firstCome, true) }),
	Schedule:   cancelledInQueue,
	Kills:      []history.Anomaly{history.Hang},
})

var _ = register(Flaw{
	Name:       "starvation",
	How:        "the store is declared fair, and its lock is handed to the last waiter",
	Copies:     "a stack of waiters instead of a queue",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Fair: true},
	Open:       on(func(s *correct) store { return s.queueing(lastCome, false) }),
	Schedule:   overtaking(20),
	Kills:      []history.Anomaly{history.Starvation},
})

// overtaking lets user A wait while B and C alternate so many times.
func overtaking(times int) verify.Schedule {
	s := verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: verify.Inside},
		{User: userA, Do: history.Append, Past: queued},
	}
	for range times {
		s = append(s,
			verify.Line{User: userC, Do: history.Append, Hold: verify.Inside, Past: queued}, verify.Line{User: userB},
			verify.Line{User: userB, Do: history.Append, Hold: verify.Inside, Past: queued}, verify.Line{User: userC})
	}
	return s
}
