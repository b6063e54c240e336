package flawed

import (
	"context"
	"slices"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// These flaws make somebody wait for good, or give up waiting without leaving the queue.

var _ = register(Flaw{
	Name:       "nested-deadlock",
	How:        "an update inside an update is declared to work, and waits for itself",
	Copies:     "calling back into a store under a lock that is not reentrant: a Go mutex in place of Python's RLock",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Reentrant: true},
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newRight(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Nested},
	},
	Kills: []history.Anomaly{history.Hang},
})

var _ = register(Flaw{
	Name:       "crossed-deadlock",
	How:        "an update takes the session's lock and then the table's, a sweep the table's and then the session's",
	Copies:     "two locks in two orders (A then B, B then A): bookkeeping for all sessions done from inside one of them",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		s := newRight(t)
		return crossed{s, s.newMutex()}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Sweep, Past: haveTable},
		{User: userA},
	},
	Kills: []history.Anomaly{history.Hang},
})

const haveTable = "the table is taken"

type crossed struct {
	*right
	all locker
}

func (s crossed) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.right.Update(ctx, id, func(ctx context.Context, v *session) error {
		err := fn(ctx, v)
		if taken := s.all.take(ctx); taken != nil {
			return taken
		}
		s.all.free()
		return err
	})
}

func (s crossed) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (int, error) {
	if err := s.all.take(ctx); err != nil {
		return 0, err
	}
	defer s.all.free()
	s.Pass(ctx, haveTable)
	return s.right.Sweep(ctx, expired, removed)
}

var _ = register(Flaw{
	Name:       "panic-keeps-lock",
	How:        "a panic in an update's closure leaves the lock taken",
	Copies:     "CherryPy #329: the session lock stayed when an error handler failed; in Go, Unlock without defer",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return panicKeepsLock{newRight(t)}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Ending: verify.Panics},
		{User: userB, Do: history.Append},
	},
	Kills: []history.Anomaly{history.Hang},
})

type panicKeepsLock struct{ *right }

func (s panicKeepsLock) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	err = fn(ctx, &e.val)
	e.lock.free()
	return err
}

var _ = register(Flaw{
	Name:       "cancelled-still-applies",
	How:        "an update whose wait is cancelled is reported as not applied, and is applied when its turn comes",
	Copies:     "jackc/pgx #2110: a commit is reported as given up, and is carried out",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Cancellable: manager.CancelAlways},
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		s := newRight(t)
		s.newLock = func() locker { return &queue{right: s, next: firstCome} }
		return stillApplies{s}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append, Past: queued},
		{User: userB, Cancel: true},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.AbortedRead, history.WrongAnswer, history.LateClosure},
})

type stillApplies struct{ *right }

func (s stillApplies) Update(ctx context.Context, id manager.ID, fn closure) error {
	type answer struct {
		err    error
		thrown any
	}
	var (
		mu      sync.Mutex // protects started
		started bool
		answers = make(chan answer, 1)
	)
	update := func() (a answer) {
		defer func() { a.thrown = recover() }()
		a.err = s.right.Update(context.WithoutCancel(ctx), id, func(ctx context.Context, v *session) error {
			mu.Lock()
			started = true
			mu.Unlock()
			return fn(ctx, v)
		})
		return a
	}
	go func() { answers <- update() }()
	select {
	case <-ctx.Done():
		mu.Lock()
		inside := started
		mu.Unlock()
		if !inside {
			return manager.NotApplied(ctx.Err())
		}
	case a := <-answers:
		answers <- a
	}
	a := <-answers
	if a.thrown != nil {
		panic(a.thrown)
	}
	return a.err
}

// queue is a lock that hands itself to one of those who wait, in an order of its own.
type queue struct {
	*right
	next    func(waiting int) int // who is next
	leaves  bool                  // a waiter whose ctx ends gives up
	mu      sync.Mutex            // protects what follows
	held    bool
	waiting []chan struct{}
}

const queued = "queued"

func firstCome(int) int { return 0 }

func lastCome(waiting int) int { return waiting - 1 }

func (q *queue) take(ctx context.Context) error {
	q.mu.Lock()
	if !q.held {
		q.held = true
		q.mu.Unlock()
		return nil
	}
	turn := make(chan struct{}, 1)
	q.waiting = append(q.waiting, turn)
	q.mu.Unlock()
	q.Pass(ctx, queued)
	var over <-chan struct{}
	if q.leaves {
		over = ctx.Done()
	}
	select {
	case <-turn:
		return nil
	case <-over:
		return manager.NotApplied(ctx.Err())
	case <-q.gone:
		return manager.ErrClosed
	}
}

func (q *queue) free() {
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
	How:        "a waiter that gives up stays in the queue, and the lock is handed to it when nobody is there to let go",
	Copies:     "Python bpo-27585: asyncio.Lock deadlocked after a waiter had been cancelled",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Cancellable: manager.CancelAlways},
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		s := newRight(t)
		s.newLock = func() locker { return &queue{right: s, leaves: true, next: firstCome} }
		return s, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append, Past: queued},
		{User: userB, Cancel: true},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.Hang},
})

var _ = register(Flaw{
	Name:       "starvation",
	How:        "the store is declared to be fair, and the lock goes to the caller that came last",
	Copies:     "a stack of waiters in place of a queue",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true, Fair: true},
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		s := newRight(t)
		s.newLock = func() locker { return &queue{right: s, next: lastCome} }
		return s, nil
	},
	Schedule: overtaking(20),
	Kills:    []history.Anomaly{history.Starvation},
})

// overtaking has user A wait while B and C take turns, so many times.
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
