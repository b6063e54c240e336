package flawed

import (
	"context"
	"runtime"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "lost-lease",
	How:    "a lock is leased, and the lease ends while its holder works: another user gets the lock",
	Copies: "redisson #6844: the entry by which a background task renews the lease is lost in a race, so that the lock expires while it is held",
	Open:   onKeyed(lostLease),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: twoLocks,
})

func lostLease(s *keyed) { s.newLock = func() locker { return &lease{abandoned: s.abandoned} } }

// leaseAttempts is the length of a lease. It is counted in attempts of waiters and not in time, so that the bug does not depend on the
// machine's speed.
const leaseAttempts = 20

// lease is a lock that a waiter gets after a number of attempts. A holder whose lease has ended releases the next one's, too: redisson
// reports an error instead, after the session was changed.
type lease struct {
	abandoned <-chan struct{}

	mu       sync.Mutex // protects what follows
	held     bool
	attempts int // since it was acquired
}

func (l *lease) acquire(context.Context) error {
	for !l.take() {
		select {
		case <-l.abandoned:
			return manager.ErrClosed
		default:
			runtime.Gosched()
		}
	}
	return nil
}

// take is an attempt to acquire the lock.
func (l *lease) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held && l.attempts < leaseAttempts {
		l.attempts++
		return false
	}
	l.held, l.attempts = true, 0
	return true
}

func (l *lease) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
}
