package flawed

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const betweenCheckAndLock = "between check and lock"

var _ = register(Flaw{
	Name:   "check-then-lock",
	How:    "a lock is a record that a user looks for, and then writes if there is none, in two steps",
	Copies: "codeigniter4/CodeIgniter4 #8323: the Redis handler asked for the lock's time to live, and then set the lock unconditionally",
	Open:   onKeyed(checkThenLock),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: betweenCheckAndLock},
		{User: userB, Do: history.Append, Hold: verify.Inside},
		{User: userA},
		{User: userB},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: twoLocks,
})

func checkThenLock(s *keyed) { s.newLock = func() locker { return &lockRecord{s: s.correct} } }

// lockRecord is a lock whose record is checked and written in two steps.
type lockRecord struct {
	s      *correct
	exists atomic.Bool
}

func (l *lockRecord) acquire(ctx context.Context) error {
	for l.exists.Load() {
		select {
		case <-l.s.abandoned:
			return manager.ErrClosed
		default:
			runtime.Gosched()
		}
	}
	l.s.Reach(ctx, betweenCheckAndLock)
	runtime.Gosched() // as between two commands to a server
	l.exists.Store(true)
	return nil
}

func (l *lockRecord) release() { l.exists.Store(false) }
