package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// These flaws are in the table of locks.

var _ = register(Flaw{
	Name:       "orphan-lock",
	How:        "deleting a session drops its lock, for which others are waiting",
	Copies:     "CherryPy #1779, and the chatbot and brainstorming servers that this project began with",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newOrphanLock(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeLock}, // has the lock's first form in hand
		{User: userA, Do: history.Delete},
		{User: userA, Do: history.GetOrCreate},
		{User: userC, Do: history.Append, Hold: verify.Inside}, // holds its second
		{User: userB},
		{User: userC},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DoubleCreation, history.Resurrection, history.DeletedRead,
		history.StaleRead, history.DoubleDeletion, history.LostSession, history.LeakedLocks},
})

// newOrphanLock drops a session's lock with the session.
func newOrphanLock(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.lockNow(id)
		s.Pass(ctx, beforeLock)
		return s.leavingNothing(id, l), l.take(ctx)
	}
	s.forget = func(id manager.ID) { delete(s.locks, id) }
	return s
}

// leavingNothing returns how to let go of a lock that is of no use where there is no session.
func (s *keyed) leavingNothing(id manager.ID, l *counted) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		l.free()
		if s.values[id] == nil {
			delete(s.locks, id)
		}
	}
}

const beforeCount = "before it is counted"

var _ = register(Flaw{
	Name:       "waiter-count-late",
	How:        "a lock goes when nobody is counted to use it, and who has looked it up counts itself a moment later",
	Copies:     "reference-counted locks whose count is raised outside the lock that the look-up was under",
	Guarantees: perSession,
	Open:       func(t *verify.Turnstile) (manager.SessionStore[session], error) { return newLateCount(t), nil },
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeCount},
		{User: userC, Do: history.Append}, // the last one counted: the lock goes
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
		l := s.lockNow(id)
		s.Pass(ctx, beforeCount)
		runtime.Gosched() // the moment in between is short otherwise
		s.mu.Lock()
		l.users++
		s.mu.Unlock()
		return s.leaving(id, l), l.take(ctx)
	}
	return s
}

var _ = register(Flaw{
	Name:       "lock-leak",
	How:        "the lock of a deleted session is kept for ever",
	Copies:     "CherryPy #1082: RamSession let go of its locks and kept them; the remedy proposed there was orphan-lock",
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
		l := s.lockNow(id)
		return l.free, l.take(ctx)
	}
	return s
}

var _ = register(Flaw{
	Name:       "shared-owner",
	How:        "the lock lets its owner in again, and all goroutines of a worker are one owner to it",
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

// newSharedOwner has one worker. Its lock counts how often the owner has entered, and never makes anybody wait.
func newSharedOwner(t *verify.Turnstile) *keyed {
	s := newKeyed(t)
	s.newLock = func() locker { return ownedBySomebody{} }
	return s
}

// ownedBySomebody is a reentrant lock all of whose users are the same owner.
type ownedBySomebody struct{}

func (ownedBySomebody) take(context.Context) error { return nil }
func (ownedBySomebody) free()                      {}
