package flawed

import (
	"context"
	"runtime"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in the table of locks.

// twoLocks are the violations that two locks for one session can cause.
var twoLocks = []history.Anomaly{history.LostUpdate, history.MutualExclusion, history.DoubleCreation, history.Resurrection,
	history.DeletedRead, history.StaleRead, history.DoubleDeletion, history.LostSession, history.EarlyClose}

var _ = register(Flaw{
	Name:   "orphan-lock",
	How:    "deleting a session drops its lock while other users wait for it",
	Copies: "CherryPy #1779, and the chatbot and brainstorming servers that this project started from",
	Open:   onKeyed(orphanLock),
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
	Kills: append([]history.Anomaly{history.LeakedLocks}, twoLocks...),
})

// orphanLock removes the lock of a session that is absent when an operation ends.
func orphanLock(s *keyed) {
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		s.Reach(ctx, beforeLock)
		leave := func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			l.release()
			if s.table[id] == nil {
				delete(s.locks, id)
			}
		}
		return leave, l.acquire(ctx)
	}
}

const beforeCount = "before it is counted"

var _ = register(Flaw{
	Name:   "waiter-count-late",
	How:    "a lock is removed when its count of users is zero, and a user is counted a moment after the lookup",
	Copies: "reference-counted locks whose count is incremented outside the lock of the lookup",
	Open:   onKeyed(lateCount),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeCount},
		{User: userC, Do: history.Append}, // the last counted user: the lock is removed
		{User: userC, Do: history.Append, Hold: verify.Inside},
		{User: userB},
		{User: userC},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: twoLocks,
})

func lateCount(s *keyed) {
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		s.Reach(ctx, beforeCount)
		runtime.Gosched() // extends the short gap
		s.mu.Lock()
		l.users++
		s.mu.Unlock()
		return s.leaver(id, l), l.acquire(ctx)
	}
}

var _ = register(Flaw{
	Name:   "lock-leak",
	How:    "the lock of a deleted session is never removed",
	Copies: "CherryPy #1082: RamSession released its locks but kept them; the fix proposed there was orphan-lock",
	Open:   onKeyed(lockLeak),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Delete},
	},
	Kills: []history.Anomaly{history.LeakedLocks},
})

func lockLeak(s *keyed) {
	s.enter = func(ctx context.Context, id manager.ID) (func(), error) {
		l := s.findLock(id)
		return l.release, l.acquire(ctx)
	}
}

var _ = register(Flaw{
	Name:   "shared-owner",
	How:    "the lock is reentrant, and counts all goroutines of a worker as one owner",
	Copies: "threading.RLock in asyncio code: every task runs on the thread that owns the lock",
	Open:   onKeyed(sharedOwner),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: append([]history.Anomaly{history.LeakedSessions, history.LeakedLocks}, twoLocks...),
})

// sharedOwner has a single owner, so its reentrant lock never blocks.
func sharedOwner(s *keyed) { s.newLock = func() locker { return openLock{} } }
