package unusual

import (
	"sync"
	"sync/atomic"
	"time"
)

// locker is the lock of a session. Only some admit several readers; the others ignore reads.
type locker interface {
	lock(reads bool)
	unlock(reads bool)
}

type mutex struct{ mu sync.Mutex }

func newMutex() locker { return new(mutex) }

func (m *mutex) lock(bool)   { m.mu.Lock() }
func (m *mutex) unlock(bool) { m.mu.Unlock() }

// condLock is a flag under a condition variable. Arriving callers compete with those that were woken.
type condLock struct {
	mu   sync.Mutex // protects held
	cond *sync.Cond
	wake func(*sync.Cond)
	held bool
}

func newCondLock(wake func(*sync.Cond)) *condLock {
	l := &condLock{wake: wake}
	l.cond = sync.NewCond(&l.mu)
	return l
}

func (l *condLock) lock(bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held {
		l.cond.Wait()
	}
	l.held = true
}

func (l *condLock) unlock(bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = false
	l.wake(l.cond)
}

// pollingLock is a flag that waiting callers look at less and less often.
type pollingLock struct{ held atomic.Bool }

func (l *pollingLock) lock(bool) {
	for pause := time.Microsecond; !l.held.CompareAndSwap(false, true); pause = min(2*pause, time.Millisecond) {
		time.Sleep(pause)
	}
}

func (l *pollingLock) unlock(bool) { l.held.Store(false) }

// stackLock hands itself to the caller that came last.
type stackLock struct {
	mu      sync.Mutex // protects the following
	held    bool
	waiting []chan struct{}
}

func (l *stackLock) lock(bool) {
	l.mu.Lock()
	if !l.held {
		l.held = true
		l.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	<-turn
}

func (l *stackLock) unlock(bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	top := len(l.waiting) - 1
	if top < 0 {
		l.held = false
		return
	}
	close(l.waiting[top])
	l.waiting = l.waiting[:top]
}

// readersFirst admits readers whenever nobody writes, however long a writer has been waiting.
type readersFirst struct {
	mu      sync.Mutex // protects the following
	changed *sync.Cond
	readers int
	writing bool
}

func newReadersFirst() *readersFirst {
	l := new(readersFirst)
	l.changed = sync.NewCond(&l.mu)
	return l
}

func (l *readersFirst) lock(reads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing || !reads && l.readers > 0 {
		l.changed.Wait()
	}
	if reads {
		l.readers++
	} else {
		l.writing = true
	}
}

func (l *readersFirst) unlock(reads bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reads {
		l.readers--
	} else {
		l.writing = false
	}
	l.changed.Broadcast()
}
