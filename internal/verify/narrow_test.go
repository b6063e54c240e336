package verify

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// TestBarrier lets users wait for each other many times, more of them than processors: none may pass before all have arrived.
func TestBarrier(t *testing.T) {
	const users, waits = 8, 300
	for _, procs := range []int{1, 2, 8} {
		old := runtime.GOMAXPROCS(procs)
		b := newBarrier(users)
		var arrived [waits + 1]atomic.Int32
		var running sync.WaitGroup
		for u := range users {
			running.Go(func() {
				defer b.leave()
				for n := 1; n <= waits; n++ {
					if u == 0 && n%100 == 0 {
						for b.asleep.Load() < users-1 { // the others block at last
							runtime.Gosched()
						}
					}
					arrived[n].Add(1)
					b.wait(int64(n))
					if got := arrived[n].Load(); got != users {
						t.Errorf("%d processors: a user passed the barrier for the %d-th time when %d of %d had arrived", procs, n, got, users)
						return
					}
				}
			})
		}
		running.Wait()
		runtime.GOMAXPROCS(old)
	}
}

// TestBarrierDoesNotWaitForUsersThatLeft lets one user leave while another one sleeps, and never return.
func TestBarrierDoesNotWaitForUsersThatLeft(t *testing.T) {
	b := newBarrier(2)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.wait(1)
		b.wait(2)
	}()
	for b.asleep.Load() == 0 {
		runtime.Gosched()
	}
	b.leave()
	<-done
}

// TestRecipes draws a run of the default number of rounds: each narrow recipe is used with different numbers of processors, and most
// rounds are mixed, as all are with scenarios and on targets.
func TestRecipes(t *testing.T) {
	cfg := &Config{Users: DefaultUsers, Ops: DefaultOps}
	target := &remote{}
	count, procs := map[recipe]int{}, map[recipe]map[int]bool{}
	for seed := range uint64(DefaultRounds) {
		of := recipeOf(seed, cfg, nil)
		count[of]++
		if procs[of] == nil {
			procs[of] = map[int]bool{}
		}
		procs[of][draw(seed, cfg, nil).procs] = true
		if got := recipeOf(seed, cfg, target); got != (mixed{target}) {
			t.Errorf("seed %d: %T on a target", seed, got)
		}
		if got := recipeOf(seed, &Config{Scenarios: make([]scenarios.Scenario, 1)}, nil); got != (mixed{}) {
			t.Errorf("seed %d: %T with a scenario", seed, got)
		}
	}
	if count[mixed{}] != DefaultRounds*5/8 {
		t.Errorf("%d of %d rounds are mixed", count[mixed{}], DefaultRounds)
	}
	for _, of := range []recipe{creation{}, growth{}, burst{}} {
		if count[of] != DefaultRounds/8 || len(procs[of]) < 3 || procs[of][1] {
			t.Errorf("%T: %d rounds, with numbers of processors %v", of, count[of], procs[of])
		}
	}
}

// TestNarrowScripts draws many scripts of each recipe and checks what the recipe is for.
func TestNarrowScripts(t *testing.T) {
	cfg := &Config{Users: DefaultUsers, Ops: 100}
	for seed := range uint64(40) {
		for _, of := range []recipe{creation{}, growth{}, burst{}} {
			s := of.draw(rand.New(rand.NewPCG(seed, 1)), cfg)
			each, creators := make([]int, s.slots), make([]int, s.slots)
			for _, plans := range s.users {
				first := map[uint32]bool{}
				for k, p := range plans {
					each[p.slot]++
					if p.kind == history.GetOrCreate && !first[p.slot] {
						creators[p.slot]++
					}
					if first[p.slot] = true; of == (creation{}) && k%s.stretch == 1 && !p.kind.Reads() {
						t.Fatalf("seed %d: %s follows at once in a round of creations, want a read", seed, p.kind)
					}
				}
			}
			if most := slices.Max(each); most > cfg.Ops {
				t.Errorf("seed %d: %T has %d operations on a session, want at most %d", seed, of, most, cfg.Ops)
			}
			if slices.Min(creators) < 1 {
				t.Errorf("seed %d: %T has sessions that no user creates", seed, of)
			}
			if _, all := of.(growth); !all && slices.Min(creators) < len(s.users) {
				t.Errorf("seed %d: %T has sessions that not all users create", seed, of)
			}
			if _, grows := of.(growth); grows && s.slots < leastSessions-len(s.users) {
				t.Errorf("seed %d: %d sessions in a round of growth", seed, s.slots)
			}
		}
	}
}
