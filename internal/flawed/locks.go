package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in the table of locks.

var _ = register(Flaw{
	Name:       "orphan-lock",
	How:        "deleting a session drops its lock while other users wait for it",
	Copies:     "CherryPy #1779, and the chatbot and brainstorming servers that this project started from",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newOrphanLock(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeLock}, // has found the first lock
		{User: userA, Do: history.Delete},
		{User: userA, Do: history.GetOrCreate},
		{User: userC, Do: history.Append, Hold: verify.Inside}, // holds the second lock
		{User: userB},
		{User: userC},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DoubleCreation, history.Resurrection, history.DeletedRead,
		history.StaleRead, history.DoubleDeletion, history.LostSession, history.LeakedLocks},
})

// newOrphanLock removes a session's lock together with the session.
func newOrphanLock(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		s.Pass(ctx, beforeLock)
		return s.leaverOfAbsent(id, l), l.acquire(ctx)
	}
	s.forget = func(id manager.ID) { delete(s.locks, id) }
	return s
}

// leaverOfAbsent returns the function that releases a lock, and removes it if there is no session.
func (s *keyed) leaverOfAbsent(id manager.ID, l *counted) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.release()
		if s.values[id] == nil {
			delete(s.locks, id)
		}
	}
}

const beforeCount = "before it is counted"

var _ = register(Flaw{
	Name:       "waiter-count-late",
	How:        "a lock is removed when its count of users is zero, and a user is counted a moment after the lookup",
	Copies:     "reference-counted locks whose count is incremented outside the lock of the lookup",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newLateCount(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeCount},
		{User: userC, Do: history.Append}, // the last counted user: the lock is removed
		{User: userC, Do: history.Append, Hold: verify.Inside},
		{User: userB},
		{User: userC},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DoubleCreation, history.Resurrection, history.DeletedRead,
		history.StaleRead, history.DoubleDeletion, history.LostSession},
})

func newLateCount(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		s.Pass(ctx, beforeCount)
		runtime.Gosched() // extends the short gap
		s.mu.Lock()
		l.users++
		s.mu.Unlock()
		return s.leaver(id, l), l.acquire(ctx)
	}
	return s
}

var _ = register(Flaw{
	Name:       "lock-leak",
	How:        "the lock of a deleted session is never removed",
	Copies:     "CherryPy #1082: RamSession released its locks but kept them; the fix proposed there was orphan-lock",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newLockLeak(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Delete},
	},
	Kills: []history.Anomaly{history.LeakedLocks},
})

func newLockLeak(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		return l.release, l.acquire(ctx)
	}
	return s
}

var _ = register(Flaw{
	Name:       "shared-owner",
	How:        "the lock is reentrant, and counts all goroutines of a worker as one owner",
	Copies:     "threading.RLock in asyncio code: every task runs on the thread that owns the lock",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newSharedOwner(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DoubleCreation, history.Resurrection, history.DeletedRead,
		history.StaleRead, history.DoubleDeletion, history.LostSession, history.LeakedSessions, history.LeakedLocks},
})

// newSharedOwner has a single owner, so its reentrant lock never blocks.
func newSharedOwner(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.newLock = func() locker { return ownedLock{} }
	return s
}

// ownedLock is a reentrant lock whose users are all the same owner.
type ownedLock struct{}

func (ownedLock) acquire(context.Context) error { return nil }
func (ownedLock) release()                      {}
