package verify_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

type store = manager.SessionStore[manager.Session]

// subject is a strategy with its default parameters.
func subject(s *strategies.Strategy) verify.Subject {
	values, _ := s.Resolve(nil)
	return verify.Subject{
		Label: s.Name, Params: values, Guarantees: s.Guarantees,
		Open: func(*verify.SyncPoints) (store, error) { return s.Open(values) },
	}
}

// seeds is how many rounds each strategy is pressed for; SESSBENCH_SEEDS says otherwise.
func seeds(t *testing.T) int {
	if text := os.Getenv("SESSBENCH_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return 8
	}
	return 20
}

// atOnce runs a subtest for each element of list, all at the same time, since they mostly wait, and then looks for
// goroutines that they left.
func atOnce[T any](t *testing.T, list []T, name func(T) string, test func(*testing.T, T)) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var running sync.WaitGroup
	for _, one := range list {
		running.Go(func() {
			t.Run(strings.ReplaceAll(name(one), " ", "-"), func(t *testing.T) { test(t, one) })
		})
	}
	running.Wait()
}

func TestEveryStrategyIsLinearizable(t *testing.T) {
	name := func(s *strategies.Strategy) string { return s.Name }
	atOnce(t, strategies.All(), name, func(t *testing.T, s *strategies.Strategy) {
		r, err := verify.Run(t.Context(), verify.Config{Subject: subject(s), Seed: 1, Rounds: seeds(t), Budget: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != history.Linearizable {
			t.Fatalf("%s: %s %+v", r.Verdict, r.Why, r.Violation)
		}
		if r.Rounds != seeds(t) || r.Certified != r.Sessions || r.Sessions == 0 {
			t.Errorf("%d rounds, %d of %d sessions certified by the witness", r.Rounds, r.Certified, r.Sessions)
		}
		t.Logf("%d sessions, %d operations, %.0f %% overlapped, %d cross-checked, %v",
			r.Sessions, r.Operations, 100*r.Overlapped, r.CrossChecked, time.Duration(r.ElapsedNs).Round(time.Millisecond))
		for _, g := range r.Guarantees {
			t.Logf("%-13s %s/%s %s", g.Name, g.Declared, g.Observed, g.Detail)
		}
	})
}

// altered is a right store but for what is set.
type altered struct {
	store
	getOrCreate func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error)
	update      func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error
	view        func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error
	remove      func(ctx context.Context, id manager.ID) (manager.Session, error)
	sweep       func(context.Context, func(manager.ID, *manager.Session) bool, func(manager.ID, manager.Session)) (int, error)
	len         func(ctx context.Context) (int, error)
	close       func() error

	closed  atomic.Bool   // set by a close that is given
	gone    chan struct{} // closed by Abandon
	abandon sync.Once
}

// closedCount is the number of sessions that some stores count after Close.
func closedCount(a *altered) int {
	if a.closed.Load() {
		return 1
	}
	return 0
}

func (a *altered) GetOrCreate(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
	if a.getOrCreate != nil {
		return a.getOrCreate(ctx, id, create, view)
	}
	return a.store.GetOrCreate(ctx, id, create, view)
}

func (a *altered) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if a.update != nil {
		return a.update(ctx, id, fn)
	}
	return a.store.Update(ctx, id, fn)
}

func (a *altered) Len(ctx context.Context) (int, error) {
	if a.len != nil {
		return a.len(ctx)
	}
	return a.store.Len(ctx)
}

func (a *altered) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if a.view != nil {
		return a.view(ctx, id, fn)
	}
	return a.store.View(ctx, id, fn)
}

func (a *altered) Delete(ctx context.Context, id manager.ID) (manager.Session, error) {
	if a.remove != nil {
		return a.remove(ctx, id)
	}
	return a.store.Delete(ctx, id)
}

func (a *altered) Sweep(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
	if a.sweep != nil {
		return a.sweep(ctx, expired, removed)
	}
	return a.store.Sweep(ctx, expired, removed)
}

func (a *altered) Close() error {
	if a.close != nil {
		return a.close()
	}
	return a.store.Close()
}

func (a *altered) Abandon() { a.abandon.Do(func() { close(a.gone) }) }

// Shard and Shards make it a sharder if its store is one.
func (a *altered) Shard(id manager.ID) int {
	if s, ok := a.store.(strategies.Sharder); ok {
		return s.Shard(id)
	}
	return -1
}

func (a *altered) Shards() int {
	s, _ := a.store.(strategies.Sharder)
	return s.Shards()
}

// alteredSubject is a per-session store that alter changes.
func alteredSubject(alter func(*altered)) verify.Subject {
	base, _ := strategies.Lookup("per-session")
	s := subject(base)
	s.Open = func(*verify.SyncPoints) (store, error) {
		a := &altered{store: strategies.NewPerSession[manager.Session](), gone: make(chan struct{})}
		alter(a)
		return a, nil
	}
	return s
}

func TestWrongStoresAreConvicted(t *testing.T) {
	var opened atomic.Int64 // stores of one test
	type fn = func(context.Context, *manager.Session) error
	tests := []struct {
		why     string
		promise func(*manager.Guarantees)
		alter   func(*altered)
		anomaly history.Anomaly
		or      []history.Anomaly // what the bug looks like if another operation shows it first
		check   history.Detector
	}{{
		why: "an update does its work twice",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					err := f(ctx, s)
					_ = f(ctx, s.Clone())
					return err
				})
			}
		},
		anomaly: history.RepeatedClosure, check: history.ByAnswers,
	}, {
		why: "a panic in a closure is swallowed",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					defer func() { _ = recover() }()
					return f(ctx, s)
				})
			}
		},
		anomaly: history.LostPanic, check: history.ByAnswers,
	}, {
		why: "an operation whose ctx had ended is performed",
		alter: func(a *altered) {
			a.update = func(_ context.Context, id manager.ID, f fn) error { return a.store.Update(context.Background(), id, f) }
		},
		anomaly: history.UnexpectedError, check: history.ByAnswers,
	}, {
		why: "an update comes back without having run its closure",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, _ fn) error {
				return a.store.Update(ctx, id, func(context.Context, *manager.Session) error { return nil })
			}
		},
		anomaly: history.UnexpectedError, check: history.ByAnswers,
	}, {
		why: "updates happen to a copy",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error { return f(ctx, s.Clone()) })
			}
		},
		anomaly: history.LostUpdate, check: history.ByWitness,
	}, {
		why: "every GetOrCreate returns that it created the session",
		alter: func(a *altered) {
			a.getOrCreate = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				_, err := a.store.GetOrCreate(ctx, id, create, view)
				return true, err
			}
		},
		anomaly: history.DoubleCreation, check: history.ByWitness,
	}, {
		why: "ids are looked up by half of their bytes",
		alter: func(a *altered) {
			half := func(id manager.ID) manager.ID { clear(id[8:]); return id }
			a.getOrCreate = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				return a.store.GetOrCreate(ctx, half(id), create, view)
			}
			a.update = func(ctx context.Context, id manager.ID, f fn) error { return a.store.Update(ctx, half(id), f) }
			a.view = func(ctx context.Context, id manager.ID, f fn) error { return a.store.View(ctx, half(id), f) }
			a.remove = func(ctx context.Context, id manager.ID) (manager.Session, error) {
				return a.store.Delete(ctx, half(id))
			}
			a.sweep = func(ctx context.Context, _ func(manager.ID, *manager.Session) bool, _ func(manager.ID, manager.Session)) (int, error) {
				return 0, nil
			}
		},
		anomaly: history.ForeignRead, or: []history.Anomaly{history.WrongAnswer, history.AbortedRead}, check: history.ByWitness,
	}, {
		why: "a new session displaces another one",
		alter: func(a *altered) {
			var newest atomic.Pointer[manager.ID]
			a.getOrCreate = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				created, err := a.store.GetOrCreate(ctx, id, create, view)
				if created {
					if last := newest.Swap(&id); last != nil {
						_, _ = a.store.Delete(ctx, *last)
					}
				}
				return created, err
			}
		},
		anomaly: history.LostSession, or: []history.Anomaly{history.DoubleCreation, history.WrongSweep}, check: history.ByWitness,
	}, {
		why: "the fields of the last life are those of the next",
		alter: func(a *altered) {
			var fields sync.Map
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					defer func() { fields.Store(id, maps.Clone(s.Fields)) }()
					return f(ctx, s)
				})
			}
			a.getOrCreate = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				return a.store.GetOrCreate(ctx, id, func() manager.Session {
					s := create()
					if old, known := fields.Load(id); known {
						s.Fields = maps.Clone(old.(map[string]string))
					}
					return s
				}, view)
			}
		},
		anomaly: history.LeftoverData, check: history.ByWitness,
	}, {
		why: "a field of another session is returned",
		alter: func(a *altered) {
			a.view = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
					c := s.Clone()
					c.SetFields(map[string]string{"junk": "junk"})
					c.Version = s.Version
					return f(ctx, c)
				})
			}
		},
		anomaly: history.GarbageRead, check: history.ByWitness,
	}, {
		why: "a sweep returns more than it passed to its callback",
		alter: func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				n, err := a.store.Sweep(ctx, expired, removed)
				return n + 1, err
			}
		},
		anomaly: history.UnexpectedError, check: history.ByAnswers,
	}, {
		why:     "the store goes on when it is closed",
		alter:   func(a *altered) { a.close = func() error { return nil } },
		anomaly: history.UsedAfterClose, check: history.ByAnswers,
	}, {
		why: "a sweep removes at most twenty sessions",
		alter: func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				n := 0
				return a.store.Sweep(ctx, func(id manager.ID, s *manager.Session) bool {
					goes := expired(id, s) && n < 20
					if goes {
						n++
					}
					return goes
				}, removed)
			}
		},
		anomaly: history.WrongSweep, check: history.ByAnswers,
	}, {
		why: "Close does not wait for a view",
		alter: func(a *altered) {
			a.view = func(ctx context.Context, id manager.ID, f fn) error {
				var c *manager.Session
				err := a.store.View(ctx, id, func(_ context.Context, s *manager.Session) error { c = s.Clone(); return nil })
				if err != nil {
					return err
				}
				return f(ctx, c)
			}
		},
		anomaly: history.EarlyClose, or: []history.Anomaly{history.UsedAfterClose}, check: history.ByAnswers,
	}, {
		why: "an update that waited when the store was closed runs and is refused",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				err := a.store.Update(ctx, id, f)
				if errors.Is(err, manager.ErrClosed) {
					_ = f(ctx, new(manager.Session))
				}
				return err
			}
		},
		anomaly: history.RefusedAfterRun, or: []history.Anomaly{history.UsedAfterClose}, check: history.ByAnswers,
	}, {
		why: "a store that says which sessions share a shard declares that they do not block each other",
		alter: func(a *altered) {
			_ = a.store.Close()
			a.store = strategies.NewSharded[manager.Session](256)
		},
		anomaly: history.BrokenGuarantee, check: history.ByGuarantee,
	}, {
		why:     "readers are declared to proceed, and wait",
		promise: func(g *manager.Guarantees) { g.Blocks = manager.BlocksWriters },
		alter:   func(*altered) {},
		anomaly: history.BrokenGuarantee, check: history.ByGuarantee,
	}, {
		why: "Len waits for busy sessions",
		alter: func(a *altered) {
			a.len = func(ctx context.Context) (int, error) {
				n := 0
				_, err := a.store.Sweep(ctx, func(manager.ID, *manager.Session) bool { n++; return false }, nil)
				return n, err
			}
		},
		anomaly: history.BrokenGuarantee, check: history.ByGuarantee,
	}, {
		why: "sessions that were updated are not counted",
		alter: func(a *altered) {
			a.len = func(ctx context.Context) (int, error) {
				n, err := a.store.Len(ctx)
				return n / 2, err
			}
		},
		anomaly: history.WrongCount, check: history.ByCensus,
	}, {
		why: "sessions that are gone are counted",
		alter: func(a *altered) {
			a.len = func(ctx context.Context) (int, error) {
				n, err := a.store.Len(ctx)
				return n + 1, err
			}
		},
		anomaly: history.LeakedSessions, check: history.ByCensus,
	}, {
		why: "a closed store counts a session",
		alter: func(a *altered) {
			a.len = func(ctx context.Context) (int, error) {
				n, err := a.store.Len(ctx)
				return max(n, closedCount(a)), err
			}
			a.close = func() error { a.closed.Store(true); return a.store.Close() }
		},
		anomaly: history.CountAfterClose, check: history.ByCensus,
	}, {
		why: "the same, which hides no violation of the third store",
		alter: func(a *altered) {
			third := opened.Add(1) >= 3
			a.len = func(ctx context.Context) (int, error) {
				n, err := a.store.Len(ctx)
				if third && !a.closed.Load() {
					return n / 2, err
				}
				return max(n, closedCount(a)), err
			}
			a.close = func() error { a.closed.Store(true); return a.store.Close() }
		},
		anomaly: history.WrongCount, check: history.ByCensus,
	}, {
		why: "Close leaves a goroutine behind",
		alter: func(a *altered) {
			go func() { <-a.gone }()
		},
		anomaly: history.LeakedGoroutines, check: history.ByCensus,
	}, {
		why:     "rollback is declared, and a failed update leaves its change",
		promise: func(g *manager.Guarantees) { g.Rollback = true },
		alter:   func(*altered) {},
		anomaly: history.AbortedRead, or: []history.Anomaly{history.WrongAnswer}, check: history.ByWitness,
	}, {
		why:     "the wait is declared to end with ctx, and does not",
		promise: func(g *manager.Guarantees) { g.Cancellable = manager.CancelAlways },
		alter:   func(*altered) {},
		anomaly: history.BrokenGuarantee, check: history.ByGuarantee,
	}, {
		why: "an update never comes back",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				<-a.gone
				return manager.ErrClosed
			}
		},
		anomaly: history.Hang, check: history.ByWatchdog,
	}}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(test.why, " ", "-"), func(t *testing.T) {
			defer goleak.VerifyNone(t)
			s := alteredSubject(test.alter)
			if test.promise != nil {
				test.promise(&s.Guarantees)
			}
			r, err := verify.Run(t.Context(), verify.Config{Subject: s, First: true, Seed: 1, Rounds: 10, Patience: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			v := r.Violation
			if r.Verdict != history.Violated || v == nil {
				t.Fatalf("%s: verdict %s", test.why, r.Verdict)
			}
			if v.Anomaly != test.anomaly && !slices.Contains(test.or, v.Anomaly) || v.Detector != test.check {
				t.Errorf("%s: convicted of %q by %s (%s), want %q %q by %s", test.why, v.Anomaly, v.Detector, v.Why, test.anomaly, test.or, test.check)
			}
			if v.Detector == history.ByWitness && (!v.Confirmed || v.History == nil || v.Full == nil || len(v.Conflict) == 0) {
				t.Errorf("%s: the conviction is not confirmed or not whole: %+v", test.why, v)
			}
			if v.Anomaly == history.Hang && !strings.Contains(v.Stacks, "altered") {
				t.Errorf("%s: the stacks do not show who waits where:\n%s", test.why, v.Stacks)
			}
		})
	}
}

// TestRightStoresAreNotAccused has stores that do what the contract allows and few do.
func TestRightStoresAreNotAccused(t *testing.T) {
	type fn = func(context.Context, *manager.Session) error
	type test struct {
		why   string
		alter func(a *altered, one func(in int) bool)
	}
	tests := []test{{
		"responses are lost, so that operations are indeterminate",
		func(a *altered, one func(in int) bool) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				if one(60) {
					return manager.ErrIndeterminate
				}
				err := a.store.Update(ctx, id, f)
				if err == nil && one(60) {
					return manager.ErrIndeterminate
				}
				return err
			}
			a.remove = func(ctx context.Context, id manager.ID) (manager.Session, error) {
				last, err := a.store.Delete(ctx, id)
				if err == nil && one(20) {
					return manager.Session{}, manager.ErrIndeterminate
				}
				return last, err
			}
		},
	}, {
		"an update gives up when others come in between",
		func(a *altered, one func(in int) bool) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				if one(5) {
					return manager.ErrConflict
				}
				return a.store.Update(ctx, id, f)
			}
		},
	}, {
		"an update is refused for a reason of the store's own",
		func(a *altered, one func(in int) bool) {
			a.update = func(ctx context.Context, id manager.ID, f fn) error {
				if one(5) {
					return manager.NotApplied(errors.New("busy"))
				}
				return a.store.Update(ctx, id, f)
			}
		},
	}, {
		"a read looks twice",
		func(a *altered, _ func(in int) bool) {
			a.view = func(ctx context.Context, id manager.ID, f fn) error {
				return a.store.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
					if err := f(ctx, s.Clone()); err != nil {
						return err
					}
					return f(ctx, s)
				})
			}
		},
	}, {
		"work that a deletion leaves behind ends a moment later",
		func(a *altered, _ func(in int) bool) {
			var working sync.WaitGroup
			a.remove = func(ctx context.Context, id manager.ID) (manager.Session, error) {
				last, err := a.store.Delete(ctx, id)
				if err == nil {
					working.Go(func() { time.Sleep(50 * time.Millisecond) })
				}
				return last, err
			}
			a.close = func() error { working.Wait(); return a.store.Close() }
		},
	}}
	atOnce(t, tests, func(test test) string { return test.why }, func(t *testing.T, test test) {
		s := alteredSubject(func(a *altered) {
			var mu sync.Mutex // protects rng
			rng := rand.New(rand.NewPCG(1, 2))
			test.alter(a, func(in int) bool {
				mu.Lock()
				defer mu.Unlock()
				return rng.IntN(in) == 0
			})
		})
		r, err := verify.Run(t.Context(), verify.Config{Subject: s, Seed: 1, Rounds: 25})
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Violation; v != nil {
			t.Errorf("convicted of %q by %s: %s", v.Anomaly, v.Detector, v.Why)
		}
	})
}

func TestASlowStoreIsNoHang(t *testing.T) {
	s := alteredSubject(func(a *altered) {
		a.update = func(ctx context.Context, id manager.ID, f func(context.Context, *manager.Session) error) error {
			time.Sleep(100 * time.Millisecond)
			return a.store.Update(ctx, id, f)
		}
	})
	r, err := verify.Run(t.Context(), verify.Config{Subject: s, Rounds: 1, Users: 4, Ops: 24, Patience: 60 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Violation; v != nil && v.Anomaly == history.Hang {
		t.Errorf("a store that sleeps was taken to hang: %+v", v)
	}
}

func TestOneUserProvesNothing(t *testing.T) {
	base, _ := strategies.Lookup("global")
	r, err := verify.Run(t.Context(), verify.Config{Subject: subject(base), Rounds: 3, Users: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != history.Inconclusive || !strings.Contains(r.Why, "prove nothing") {
		t.Errorf("operations one after the other: %s (%s), want inconclusive", r.Verdict, r.Why)
	}
}

func TestInterruptedRunsSaySo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	base, _ := strategies.Lookup("global")
	r, err := verify.Run(ctx, verify.Config{Subject: subject(base), Rounds: -1, Budget: time.Hour,
		Progress: func(s verify.Step) {
			if s.Round == 3 {
				cancel(reason)
			}
		}})
	if !errors.Is(err, reason) {
		t.Errorf("error %v, want the reason of the interruption", err)
	}
	if r == nil || r.Rounds != 3 || r.Verdict != history.Inconclusive || r.Sessions == 0 {
		t.Errorf("report %+v, want an inconclusive one of the three rounds that were finished", r)
	}
}

func TestSchedulesPlayOnRightStores(t *testing.T) {
	defer goleak.VerifyNone(t)
	schedule := verify.Schedule{
		{User: 0, Do: history.GetOrCreate},
		{User: 0, Do: history.Append, Hold: verify.Inside},
		{User: 1, Do: history.Append}, // stands still: user 0 is inside
		{User: 2, Do: history.Append, Cancel: true},
		{User: 0},
		{User: 2, Do: history.Update, Ending: verify.Panics},
		{User: 2, Do: history.ReadMessages},
		{User: 2, Do: history.Delete},
	}
	base, _ := strategies.Lookup("cancellable")
	s := subject(base)
	var held *verify.SyncPoints
	open := s.Open
	s.Open = func(points *verify.SyncPoints) (store, error) {
		if points != nil { // those of the observation that follows have none
			held = points
		}
		return open(points)
	}
	var first *verify.Report
	for range 3 {
		r, err := verify.Run(t.Context(), verify.Config{Subject: s, Seed: 7, Schedule: schedule})
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != history.Linearizable || !r.Scheduled || held == nil {
			t.Fatalf("%s: %s %+v", r.Verdict, r.Why, r.Violation)
		}
		r.ElapsedNs, r.Overlapped, r.Guarantees = 0, 0, nil
		if first == nil {
			first = r
		}
		if diff := cmp.Diff(first, r); diff != "" {
			t.Errorf("the same schedule came to something else (-first +now):\n%s", diff)
		}
	}
	_, err := verify.Run(t.Context(), verify.Config{Subject: s, Schedule: verify.Schedule{{User: 0}}})
	if err == nil || !strings.Contains(err.Error(), "line 1 of the schedule") {
		t.Errorf("a schedule that releases a user that is not held: error %v", err)
	}
}

// The first seeds of narrow rounds: users create sessions, a store grows, users repeat an operation.
var narrowSeeds = []uint64{0, 3, 6}

// TestNarrowRoundsEndOnSlowStores verifies a store that would take ten seconds or more for all operations of a narrow round.
func TestNarrowRoundsEndOnSlowStores(t *testing.T) {
	for _, seed := range narrowSeeds[:2] {
		var creations atomic.Int32
		slow := alteredSubject(func(a *altered) {
			a.getOrCreate = func(ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session)) (bool, error) {
				creations.Add(1)
				time.Sleep(100 * time.Millisecond)
				return a.store.GetOrCreate(ctx, id, create, view)
			}
		})
		r, err := verify.Run(t.Context(), verify.Config{Subject: slow, Seed: seed, Rounds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if n := creations.Load(); r.Violation != nil || n > 500 {
			t.Errorf("seed %d: %d creations, violation %+v", seed, n, r.Violation)
		}
	}
}

// TestHangsInNarrowRounds verifies a store in which one read waits for ever, while the other users wait for its user.
func TestHangsInNarrowRounds(t *testing.T) {
	hanging := alteredSubject(func(a *altered) {
		var reads atomic.Int32
		a.view = func(ctx context.Context, id manager.ID, f func(context.Context, *manager.Session) error) error {
			if reads.Add(1) == 100 {
				<-a.gone
			}
			return a.store.View(ctx, id, f)
		}
	})
	r, err := verify.Run(t.Context(), verify.Config{Subject: hanging, Seed: narrowSeeds[0], Rounds: 1, Patience: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if v := r.Violation; v == nil || v.Anomaly != history.Hang {
		t.Errorf("%s %s %+v, want a hang", r.Verdict, r.Why, v)
	}
}

// TestNarrowRoundsProveNothingAboutLocks verifies with narrow rounds alone: on a machine with one processor hardly any of their
// operations overlap, so they do not count where the share that must overlap is judged.
func TestNarrowRoundsProveNothingAboutLocks(t *testing.T) {
	base, _ := strategies.Lookup("per-session")
	for _, seed := range narrowSeeds {
		r, err := verify.Run(t.Context(), verify.Config{Subject: subject(base), Seed: seed, Rounds: 1})
		if err != nil {
			t.Fatal(err)
		}
		if r.Reason != verify.LittleOverlap || r.Overlapped != 0 || r.Violation != nil || r.Sessions < 8 || r.Certified != r.Sessions {
			t.Errorf("seed %d: %s %s, %.0f %% overlapped, %d of %d sessions certified, violation %+v", seed, r.Verdict, r.Why, 100*r.Overlapped,
				r.Certified, r.Sessions, r.Violation)
		}
	}
}
