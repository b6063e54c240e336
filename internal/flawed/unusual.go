package flawed

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// Unusual returns stores that keep the contract of [manager.SessionStore] but behave as few stores do, each as a strategy
// without parameters. No check may find a violation in them.
func Unusual() []strategies.Strategy {
	var all []strategies.Strategy
	add := func(name, how string, g manager.Guarantees, open func(*correct) store) {
		all = append(all, strategies.Strategy{
			Name: name, Description: how, Guarantees: g,
			Open: func(strategies.Values) (store, error) { return open(newCorrect(nil)), nil },
		})
	}
	withLock := func(name, how string, g manager.Guarantees, newLock func(*correct) locker) {
		add(name, how, g, func(s *correct) store {
			s.newLock = func() locker { return newLock(s) }
			return s
		})
	}
	withLock("slow", "each operation sleeps 1 to 2 ms while it holds the session, as one that writes to disk does", perSession,
		func(s *correct) locker {
			return delayedLock{s.newMutex(), func() { time.Sleep(time.Millisecond + rand.N(time.Millisecond)) }, func() {}}
		})
	add("stalling", "every 500th operation stops the whole store for 200 ms, as a compaction or a long garbage collection does",
		manager.Guarantees{Blocks: manager.BlocksAllSessions, ExclusiveUpdates: true},
		func(s *correct) store {
			var operations atomic.Int64
			stall := func() {
				if operations.Add(1)%500 == 0 {
					s.mu.Lock()
					defer s.mu.Unlock()
					time.Sleep(200 * time.Millisecond)
				}
			}
			s.newLock = func() locker { return delayedLock{s.newMutex(), stall, func() {}} }
			return s
		})
	withLock("group-commit", "an operation returns at the next multiple of 2 ms, together with all others that wait for it", perSession,
		func(s *correct) locker {
			return delayedLock{s.newMutex(), func() {}, func() {
				const interval = 2 * time.Millisecond
				now := time.Now()
				time.Sleep(now.Truncate(interval).Add(interval).Sub(now))
			}}
		})
	withLock("large", "64 KiB are kept for each session, and copied by each operation", perSession, func(s *correct) locker {
		ballast := make([]byte, 64<<10)
		return delayedLock{s.newMutex(), func() { _ = bytes.Clone(ballast) }, func() {}}
	})
	add("retrying", "an update's closure runs on a copy up to three times before its result is kept",
		manager.Guarantees{Blocks: manager.BlocksSession, Rollback: true},
		func(s *correct) store { return retrying{s} })
	withLock("signal", "a sync.Cond with Signal: arriving callers overtake those that wait", perSession,
		func(*correct) locker { return newCondLock((*sync.Cond).Signal) })
	withLock("broadcast", "a sync.Cond with Broadcast: the first caller to run is served first", perSession,
		func(*correct) locker { return newCondLock((*sync.Cond).Broadcast) })
	withLock("polling", "a flag that waiting callers poll, with increasing sleeps", perSession,
		func(*correct) locker { return new(pollingLock) })
	withLock("last-come", "the caller that came last is served first", perSession,
		func(s *correct) locker { return &queue{correct: s, next: lastCome} })
	add("readers-first", "writers wait as long as there are readers", perSession,
		func(s *correct) store {
			s.newLock = func() locker { return newCondLock((*sync.Cond).Broadcast) }
			return readersFirst{s}
		})
	add("busy-left-out", "a sweep leaves out the sessions that are in use", perSession,
		func(s *correct) store { return leavesOut{s} })
	return all
}

type leavesOut struct{ *correct }

func (s leavesOut) Sweep(
	ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session),
) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	for _, id := range s.ids() {
		e := s.find(id)
		switch {
		case e == nil || !e.lock.(mutex).tryAcquire():
		case s.closed.Load():
			e.lock.release()
			return n, manager.ErrClosed
		case e.dead.Load():
			e.lock.release()
		case s.expire(id, e, expired, removed):
			n++
		}
	}
	return n, nil
}

// delayedLock calls functions while it is held and after it was released.
type delayedLock struct {
	locker
	held, released func()
}

func (l delayedLock) acquire(ctx context.Context) error {
	err := l.locker.acquire(ctx)
	if err == nil {
		l.held()
	}
	return err
}

func (l delayedLock) release() {
	l.locker.release()
	l.released()
}

type retrying struct{ *correct }

func (s retrying) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.correct.Update(ctx, id, func(ctx context.Context, v *session) error {
		var next *session
		for range 1 + rand.IntN(3) {
			next = v.Clone()
			if err := fn(ctx, next); err != nil {
				return err
			}
		}
		*v = *next
		return nil
	})
}

// condLock is a flag with a condition variable. Arriving callers compete with those that were woken. Readers can share
// it, and get it however long a writer has been waiting.
type condLock struct {
	mu      sync.Mutex // protects held and readers
	held    bool
	readers int
	cond    *sync.Cond
	wake    func(*sync.Cond)
}

func newCondLock(wake func(*sync.Cond)) *condLock {
	l := &condLock{wake: wake}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *condLock) acquire(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held || l.readers > 0 {
		l.cond.Wait()
	}
	l.held = true
	return nil
}

func (l *condLock) acquireShared() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held {
		l.cond.Wait()
	}
	l.readers++
}

func (l *condLock) release()       { l.change(func() { l.held = false }) }
func (l *condLock) releaseShared() { l.change(func() { l.readers-- }) }

func (l *condLock) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	l.wake(l.cond)
}

// pollingLock is a flag that waiting callers poll less and less often.
type pollingLock struct{ held atomic.Bool }

func (l *pollingLock) acquire(context.Context) error {
	for pause := time.Microsecond; !l.held.CompareAndSwap(false, true); pause = min(2*pause, time.Millisecond) {
		time.Sleep(pause)
	}
	return nil
}

func (l *pollingLock) release() { l.held.Store(false) }

// readersFirst admits concurrent views.
type readersFirst struct{ *correct }

func (s readersFirst) View(ctx context.Context, id manager.ID, fn closure) error {
	for {
		e, err := s.lookUp(ctx, id)
		if err != nil {
			return err
		}
		l := e.lock.(*condLock)
		l.acquireShared()
		if !e.dead.Load() {
			defer l.releaseShared()
			return fn(ctx, &e.val)
		}
		l.releaseShared()
	}
}
