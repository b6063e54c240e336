package verify

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// barrier lets the users of a round begin at the same instant, many times in succession. A user that waits spins for a moment, since
// waking a goroutine takes longer than an operation in memory; races between the first instructions of operations would not
// happen. Then it blocks, so that the watchdog sees a user that waits, and not one at work, when another one hangs in the store.
type barrier struct {
	users   int64
	arrived atomic.Int64 // how often users have arrived, in all
	asleep  atomic.Int64 // number of users in sleep

	mu   sync.Mutex // protects the wait of cond
	cond sync.Cond
}

func newBarrier(users int) *barrier {
	b := &barrier{users: int64(users)}
	b.cond.L = &b.mu
	return b
}

const (
	spinsAtBarrier = 20_000 // looks before a user blocks: some 20 µs
	spinsPerYield  = 200    // looks before another user, which may need this processor, may run
)

// wait waits until all users have arrived n times; it is the caller's n-th wait.
func (b *barrier) wait(n int64) {
	if b.arrived.Add(1) >= n*b.users {
		b.wake()
		return
	}
	for i := 1; i <= spinsAtBarrier; i++ {
		if b.arrived.Load() >= n*b.users {
			return
		}
		if i%spinsPerYield == 0 {
			runtime.Gosched()
		}
	}
	b.sleep(n)
}

// sleep announces that a user sleeps before it looks whether all have arrived. The last user to arrive does both in the reverse
// order, so one of them sees the other.
func (b *barrier) sleep(n int64) {
	b.asleep.Add(1)
	defer b.asleep.Add(-1)
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.arrived.Load() < n*b.users {
		b.cond.Wait()
	}
}

func (b *barrier) wake() {
	if b.asleep.Load() > 0 {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.cond.Broadcast()
	}
}

// leave is called by a user that does not wait again. The other users no longer wait for it, nor for each other.
func (b *barrier) leave() {
	b.arrived.Add(1 << 40)
	b.wake()
}
