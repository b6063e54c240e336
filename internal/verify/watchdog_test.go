package verify

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/goroutine"
	"github.com/sessbench/sessbench/internal/history"
)

func TestWatchdog(t *testing.T) {
	defer goleak.VerifyNone(t)
	tests := []struct {
		why    string
		closed bool
		work   func(release <-chan struct{}, b *beat)
		want   error
	}{
		{"a store whose users wait for ever hangs", false, func(release <-chan struct{}, _ *beat) { <-release }, goroutine.ErrHang},
		{"under a schedule that is seen at once", true, func(release <-chan struct{}, _ *beat) { <-release }, goroutine.ErrHang},
		{"a store that polls for ever is undecided", false, func(release <-chan struct{}, _ *beat) {
			for {
				select {
				case <-release:
					return
				default:
					runtime.Gosched()
				}
			}
		}, goroutine.ErrUndecided},
		{"a user that sleeps is at work", true, func(<-chan struct{}, *beat) { time.Sleep(4 * standstill) }, nil},
		{"a store that completes something now and then is slow", false, func(_ <-chan struct{}, b *beat) {
			for range 12 {
				time.Sleep(standstill)
				b.n.Add(1)
			}
		}, nil},
	}
	for _, test := range tests {
		patience := 6 * standstill
		if test.closed {
			patience = time.Hour // not waited for
		}
		b := new(beat)
		w := newWatchdog(patience, test.closed, []*beat{b})
		done, release := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			w.adopt()
			test.work(release, b)
		}()
		if err := w.await(done, 1); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.why, err, test.want)
		}
		if n := w.leaked(); n != 0 {
			t.Errorf("%s: %d users count as leaked", test.why, n)
		}
		close(release)
		<-done
	}
}

func TestLeakedGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t)
	w := newWatchdog(time.Second, false, nil)
	release, done := make(chan struct{}), make(chan struct{})
	go func() {
		w.adopt()
		go func() { <-release; close(done) }()
	}()
	for w.leaked() != 1 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	<-done
	for w.leaked() != 0 {
		time.Sleep(time.Millisecond)
	}
}

func TestSyncPoints(t *testing.T) {
	defer goleak.VerifyNone(t)
	var none *SyncPoints
	none.Reach(context.Background(), "here") // does not hold

	points, v := new(SyncPoints), newPosition()
	ctx := context.WithValue(context.Background(), positionKey{}, v)
	points.holdAt(v, "there")
	past := make(chan string, 3)
	go func() {
		points.Reach(ctx, "here")
		past <- "here"
		points.Reach(ctx, "there")
		past <- "there"
		points.Reach(ctx, "there") // held once only
		past <- "there again"
	}()
	if point := <-past; point != "here" {
		t.Errorf("held at %s", point)
	}
	for point := range v.reached {
		if point == "there" {
			break
		}
	}
	select {
	case point := <-past:
		t.Errorf("went past %s while it was to be held", point)
	case <-time.After(standstill):
	}
	v.release <- struct{}{}
	<-past
	<-past

	points.holdAt(v, "there")
	points.releaseAll()
	points.Reach(ctx, "there") // released: does not hold any more
}

func TestOvertaken(t *testing.T) {
	queue := func(others int) *round {
		ops := []history.Op{{Call: 0, Return: 1000, User: 0, Kind: history.Append, Outcome: history.OK}}
		for i := range others {
			ops = append(ops, history.Op{Call: int64(10*i) + 1, Return: int64(10*i) + 5, User: 1, Kind: history.Append, Outcome: history.OK})
		}
		r := &round{histories: []history.History{{Ops: ops}}, shared: &shared{subject: new(Subject)}}
		r.subject.Guarantees.Fair = true
		return r
	}
	found := func(r *round) []violation {
		r.findOvertaken()
		return r.violations
	}
	if v := found(queue(patienceOfQueue - 1)); len(v) > 0 {
		t.Errorf("passed over a few times: %+v", v)
	}
	if v := found(queue(patienceOfQueue)); len(v) != 1 || v[0].Anomaly != history.Starvation {
		t.Errorf("passed over again and again: %+v", v)
	}
	unfair := queue(patienceOfQueue)
	unfair.subject.Guarantees.Fair = false
	if v := found(unfair); len(v) > 0 {
		t.Errorf("a store that does not declare to be fair is convicted: %+v", v)
	}
}

func TestRoundsAreDrawnFromTheirSeed(t *testing.T) {
	cfg := &Config{Users: DefaultUsers, Ops: DefaultOps}
	cfg.Subject.Guarantees.ExclusiveUpdates = true
	procs := map[int]bool{}
	for seed := range uint64(200) {
		s := draw(seed, cfg, nil)
		if !reflect.DeepEqual(s, draw(seed, cfg, nil)) {
			t.Fatalf("seed %d drew two different rounds", seed)
		}
		procs[s.procs] = true
		if n := len(s.users); n < 2 || n > DefaultUsers {
			t.Errorf("seed %d: %d users", seed, n)
		}
		each := make([]int, s.slots)
		for _, plans := range s.users {
			for _, p := range plans {
				if p.kind == history.Nested {
					t.Fatalf("seed %d: a nested update on a store that does not allow it", seed)
				}
				each[p.slot]++
			}
		}
		for slot, n := range each {
			if n > DefaultOps {
				t.Errorf("seed %d: %d operations on session %d, want at most %d", seed, n, slot, DefaultOps)
			}
		}
	}
	if diff := cmp.Diff(map[int]bool{1: true, 2: true, 4: true, 8: true}, procs); diff != "" {
		t.Errorf("numbers of processors (-want +got):\n%s", diff)
	}
}

// TestGarbageIsCollectedBesideProgress: where users hang, the goroutine that collects garbage must not be at work.
func TestGarbageIsCollectedBesideProgress(t *testing.T) {
	b := new(beat)
	r := &round{script: script{gc: true}, watchdog: newWatchdog(time.Second, false, []*beat{b})}
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	stop := r.collectGarbage()
	defer stop()
	for first := forced(); forced() < first+5; time.Sleep(time.Millisecond) { // a hang without collections
		b.n.Add(1)
	}
	time.Sleep(20 * time.Millisecond) // the last one
	first := forced()
	time.Sleep(50 * time.Millisecond)
	if n := forced(); n > first {
		t.Errorf("%d collections without progress", n-first)
	}
}
