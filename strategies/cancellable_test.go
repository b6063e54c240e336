package strategies

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

func TestIdleFIFOLockIsSmall(t *testing.T) {
	if got := unsafe.Sizeof(fifoLock{}); got != 24 {
		t.Errorf("a lock is %d bytes: want 24", got)
	}
}

// line is goroutines waiting for a held lock in a known order.
type line struct {
	t     *testing.T
	lock  *fifoLock
	users sync.WaitGroup
	got   []int // waiters that got the lock, in order; protected by it
}

// join lets goroutine number i wait and returns when it does.
func (q *line) join(ctx context.Context, i int) {
	before := q.length()
	q.users.Go(func() {
		_, err := q.lock.lock(ctx)
		if err != nil {
			if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, ctx.Err()) {
				q.t.Errorf("lock gave %v", err)
			}
			return
		}
		q.got = append(q.got, i)
		q.lock.unlock()
	})
	q.await(before + 1)
}

func (q *line) await(length int) {
	for q.length() != length {
		runtime.Gosched()
	}
}

func (q *line) length() int {
	q.lock.mu.Lock()
	defer q.lock.mu.Unlock()
	n := 0
	if q.lock.waiting != nil {
		for w := q.lock.waiting.first; w != nil; w = w.next {
			n++
		}
	}
	return n
}

// TestFIFOLockOrder also lets some give up: those at the ends of the queue and in its middle.
func TestFIFOLockOrder(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		why    string
		giveUp []int
		want   []int
	}{
		{"first come first served", nil, []int{0, 1, 2, 3, 4}},
		{"the first gives up", []int{0}, []int{1, 2, 3, 4}},
		{"the last gives up", []int{4}, []int{0, 1, 2, 3}},
		{"one in the middle gives up", []int{2}, []int{0, 1, 3, 4}},
		{"adjacent waiters are cancelled, the later one first", []int{3, 2}, []int{0, 1, 4}},
		{"all give up", []int{2, 0, 1, 4, 3}, nil},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			q := &line{t: t, lock: new(fifoLock)}
			if _, err := q.lock.lock(ctx); err != nil {
				t.Fatal(err)
			}
			cancels := make([]context.CancelFunc, 5)
			for i := range cancels {
				var waiting context.Context
				waiting, cancels[i] = context.WithCancel(ctx)
				defer cancels[i]()
				q.join(waiting, i)
			}
			for n, i := range test.giveUp {
				cancels[i]()
				q.await(5 - n - 1)
			}
			q.lock.unlock()
			q.users.Wait()
			if !slices.Equal(q.got, test.want) {
				t.Errorf("the lock went to %v: want %v", q.got, test.want)
			}
			if state := q.lock.state.Load(); state != fifoFree || q.lock.waiting != nil {
				t.Errorf("a lock at rest is in state %d or keeps a queue (%v)", state, q.lock.waiting)
			}
		})
	}
}

// A waiter that finds both its grant and the end of its ctx takes one of the two, and the lock is never lost.
func TestFIFOLockGrantedAndCancelledAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	passedOn := 0
	for range 200 {
		l := new(fifoLock)
		l.lock(context.Background())
		first, second := l.enqueue(), l.enqueue()
		l.unlock() // grants it to first, whose ctx is done
		if err := l.wait(ctx, first); err != nil {
			passedOn++
		} else {
			l.unlock()
		}
		if err := l.wait(context.Background(), second); err != nil {
			t.Fatal(err)
		}
		l.unlock()
		if l.state.Load() != fifoFree || l.waiting != nil {
			t.Fatal("the lock is not free")
		}
	}
	if passedOn == 0 || passedOn == 200 {
		t.Errorf("the grant was passed on %d times of 200: want both to happen", passedOn)
	}
}

// While a lock stays busy, new waiters reuse the memory of earlier ones.
func TestFIFOLockReusesWaiters(t *testing.T) {
	q := &line{t: t, lock: new(fifoLock)}
	ctx := context.Background()
	q.lock.lock(ctx)
	canceled, cancel := context.WithCancel(ctx)
	q.join(canceled, 0)
	place := q.lock.waiting.first
	cancel()
	q.users.Wait()
	q.join(ctx, 1)
	if q.lock.waiting.first != place {
		t.Error("the second waiter got a place of its own")
	}
	q.lock.unlock()
	q.users.Wait()
}

// Waiters of a session that is deleted look it up again, in turn.
func TestCancellableWaitersOfADeletedSession(t *testing.T) {
	s, ctx, id := NewCancellable[Probe](), context.Background(), uuid.New()
	defer s.Close()
	mustCreate(t, s, id)
	e := s.index.load(id)
	e.lock(ctx)
	var users sync.WaitGroup
	q := &line{t: t, lock: &e.l}
	users.Go(func() {
		if _, err := s.Delete(ctx, id); err != nil {
			t.Error(err)
		}
	})
	q.await(1)
	for i := range 4 {
		users.Go(func() {
			if err := s.Update(ctx, id, increment); err != manager.ErrNotFound {
				t.Errorf("an update behind a Delete gave %v: want ErrNotFound", err)
			}
		})
		q.await(2 + i)
	}
	e.unlock()
	users.Wait()
	if c := s.Census(); c != (manager.Census{}) {
		t.Errorf("census %+v: want nothing", c)
	}
}
