package wait

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Clock {
	t.Helper()
	c, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}

func TestWaitsAreNeverTooShort(t *testing.T) {
	c := start(t)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			w := c.NewWaiter()
			for range 40 {
				d := time.Duration(rng.Int64N(int64(2 * time.Millisecond)))
				if i == 0 {
					d += precise // a long wait beside short ones
				}
				from := time.Now()
				w.Wait(d)
				if took := time.Since(from); took < d {
					t.Errorf("waited %v of %v", took, d)
				}
			}
		})
	}
	wg.Wait()
}

func TestNoWait(t *testing.T) {
	w := start(t).NewWaiter()
	w.Wait(0)
	w.Wait(-time.Hour)
}

// The clock sleeps for a wait of an hour when a shorter one begins.
func TestShorterWaitWakesTheClock(t *testing.T) {
	c := start(t)
	long := make(chan struct{})
	go func() { defer close(long); c.NewWaiter().Wait(time.Hour) }()
	for c.asleep.Load() == awake || c.asleep.Load() == never {
		time.Sleep(time.Millisecond)
	}
	w := c.NewWaiter()
	for range 3 {
		w.Wait(200 * time.Microsecond)
		w.Wait(precise)
	}
	select {
	case <-long:
		t.Error("a wait of an hour is over")
	default:
	}
	c.Release()
	<-long
}

func TestReleaseEndsEveryWait(t *testing.T) {
	for range 50 {
		c, err := Start()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				w := c.NewWaiter()
				for range 3 { // during the release and after it, too
					w.Wait(time.Hour)
				}
			})
		}
		go c.Release()
		wg.Wait()
		c.Stop()
		c.Stop()
		c.NewWaiter().Wait(time.Hour)
	}
}

// Waits begin while the clock is being stopped: none may be lost between its last look at new ones and its end.
func TestStopEndsConcurrentWaits(t *testing.T) {
	for i := range 300 {
		c, err := Start()
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for w := c.NewWaiter(); !c.stopped.Load(); {
					w.Wait(200 * time.Microsecond)
				}
			})
		}
		time.Sleep(time.Duration(i%20) * 50 * time.Microsecond)
		c.Stop()
		wg.Wait()
	}
}

// A wait that is pushed after the clock's last look at new ones and before it sees that it is stopped.
func TestEndAllAcceptsNewWaits(t *testing.T) {
	c := new(Clock)
	w := &Waiter{clock: c, due: never, woken: make(chan struct{}, 1)}
	c.pending.Store(w)
	c.endAll()
	select {
	case <-w.woken:
	default:
		t.Error("the wait is lost")
	}
}

// A store that runs one user's closure twice at once is wrong, and still must not hang the clock.
func TestWaiterInUse(t *testing.T) {
	w := start(t).NewWaiter()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				from := time.Now()
				w.Wait(100 * time.Microsecond)
				if took := time.Since(from); took < 100*time.Microsecond {
					t.Errorf("waited %v of 100µs", took)
				}
			}
		})
	}
	wg.Wait()
}

func TestEarliestFirst(t *testing.T) {
	var c Clock
	var order []int64
	all := make([]*Waiter, 0, 100)
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(100) {
		w := &Waiter{due: int64(i), next: c.pending.Load(), woken: make(chan struct{}, 1)}
		c.pending.Store(w)
		all = append(all, w)
	}
	c.accept()
	for now := range int64(100) {
		if !c.wakeDue(now) || c.wakeDue(now) {
			t.Fatalf("not exactly one wait is due at %d", now)
		}
		for _, w := range all {
			select {
			case <-w.woken:
				order = append(order, w.due)
			default:
			}
		}
	}
	for i, due := range order {
		if int64(i) != due {
			t.Fatalf("wait number %d was due at %d", i, due)
		}
	}
	if c.heap.alarmAt(0) != never {
		t.Error("an alarm without a wait")
	}
}

// What other goroutines do while the clock yields is not counted as waiting.
func TestPolledExcludesOtherGoroutines(t *testing.T) {
	var c Clock
	c.spent(int64(alone) - 1)
	c.spent(int64(alone))
	c.spent(int64(time.Second))
	if got := c.Spent().Polled; got != alone-1 {
		t.Errorf("polled %v, want %v", got, alone-1)
	}
}

// Long waits are precise for an exact waiter alone.
func TestExactWaiter(t *testing.T) {
	c := start(t)
	for _, row := range []struct {
		w    *Waiter
		d    time.Duration
		want bool
	}{{c.NewWaiter(), precise / 2, true}, {c.NewWaiter(), precise, false}, {c.NewExactWaiter(), precise, true}} {
		if row.w.Wait(row.d); row.w.precise != row.want {
			t.Errorf("a wait of %v with %+v is precise: %v", row.d, row.w.punctual, row.w.precise)
		}
	}
}

// The alarm comes earlier after late ones, less so after others, and stays within its bounds.
func TestAhead(t *testing.T) {
	var c Clock
	c.ahead.Store(int64(leastAhead))
	for range 1000 {
		c.learn(int64(time.Millisecond))
	}
	if got := time.Duration(c.ahead.Load()); got != mostAhead {
		t.Errorf("after late alarms they come %v ahead, want %v", got, mostAhead)
	}
	for range 4 {
		c.learn(0)
	}
	if got, want := time.Duration(c.ahead.Load()), mostAhead-4*aheadStep; got != want {
		t.Errorf("after four alarms in time they come %v ahead, want %v", got, want)
	}
	for range int(mostAhead / aheadStep) {
		c.learn(0)
	}
	if got := time.Duration(c.ahead.Load()); got != leastAhead {
		t.Errorf("after alarms in time they come %v ahead, want %v", got, leastAhead)
	}
}

// The lead grows with late returns, shrinks with early ones, and stays within its bounds.
func TestLead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Waiter{clock: &Clock{base: time.Now()}, punctual: ordinary}
		w.clock.stopped.Store(true) // finish does not poll: time stands still here
		for range 1000 {
			w.finish(0)
		}
		if w.lead != int64(ordinary.most) {
			t.Errorf("after late returns the lead is %d ns, want %v", w.lead, ordinary.most)
		}
		for range 4 {
			w.finish(1)
		}
		if want := int64(ordinary.most - 4*leadStep); w.lead != want {
			t.Errorf("after four early returns the lead is %d ns, want %d", w.lead, want)
		}
		for range 1000 {
			w.finish(1)
		}
		if w.lead != 0 {
			t.Errorf("after early returns the lead is %d ns, want 0", w.lead)
		}
	})
}
