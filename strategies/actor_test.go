package strategies

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

// actors opens one actor store of each kind. The one shard makes every session share its owner with every other.
func actors() map[string]func() *Actor[Probe] {
	return map[string]func() *Actor[Probe]{
		"per shard":   func() *Actor[Probe] { return NewActor[Probe](ActorOptions{Shards: 1}) },
		"per session": func() *Actor[Probe] { return NewActor[Probe](ActorOptions{PerSession: true}) },
	}
}

func TestActorCensus(t *testing.T) {
	tests := []struct {
		why        string
		opts       ActorOptions
		open, used manager.Census // used: with three sessions
	}{
		{"as many goroutines as shards, no more with more sessions", ActorOptions{Shards: 5},
			manager.Census{Goroutines: 5}, manager.Census{Sessions: 3, Goroutines: 5}},
		{"without a number the default", ActorOptions{},
			manager.Census{Goroutines: defaultOwners}, manager.Census{Sessions: 3, Goroutines: defaultOwners}},
		{"a mailbox and a goroutine a session, and no shards", ActorOptions{Shards: 5, PerSession: true},
			manager.Census{}, manager.Census{Sessions: 3, Locks: 3, Goroutines: 3}},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := NewActor[Probe](test.opts)
			if c := s.Census(); c != test.open {
				t.Errorf("census of a new store %+v: want %+v", c, test.open)
			}
			for range 3 {
				mustCreate(t, s, uuid.New())
			}
			if c := s.Census(); c != test.used {
				t.Errorf("census with 3 sessions %+v: want %+v", c, test.used)
			}
			if n, err := s.Sweep(t.Context(), always, nil); n != 3 || err != nil {
				t.Errorf("Sweep = %d, %v: want 3, nil", n, err)
			}
			if c := s.Census(); c != test.open {
				t.Errorf("census without sessions %+v: want %+v", c, test.open)
			}
			mustCreate(t, s, uuid.New())
			s.Close()
			if c := s.Census(); c != (manager.Census{}) {
				t.Errorf("census of a closed store %+v: want nothing", c)
			}
		})
	}
}

func TestActorParams(t *testing.T) {
	s, _ := Lookup("actor")
	if _, err := s.Resolve(map[string]string{"per": "user"}); err == nil {
		t.Error("per=user was accepted")
	}
	p, err := s.Resolve(map[string]string{"per": "session", "shards": "7"})
	if want := (ActorOptions{Shards: 7, PerSession: true}); err != nil || actorOptions(p) != want {
		t.Errorf("options %+v, %v: want %+v", actorOptions(p), err, want)
	}
}

// Goexit in a closure ends the caller's goroutine, not the service: those in the queue behind it are served.
func TestActorContinuesAfterGoexit(t *testing.T) {
	for name, open := range actors() {
		t.Run(name, func(t *testing.T) {
			s, ctx, id := open(), context.Background(), uuid.New()
			defer s.Close()
			mustCreate(t, s, id)
			var began, callers sync.WaitGroup
			began.Add(1)
			free := make(chan struct{})
			var wentOn atomic.Bool
			callers.Go(func() {
				s.Update(ctx, id, func(context.Context, *Probe) error {
					began.Done()
					<-free
					runtime.Goexit()
					return nil
				})
				wentOn.Store(true)
			})
			began.Wait()
			for range 10 {
				callers.Go(func() {
					if err := s.Update(ctx, id, increment); err != nil {
						t.Error(err)
					}
				})
			}
			close(free)
			callers.Wait()
			if wentOn.Load() {
				t.Error("the caller went on after a Goexit in its closure")
			}
			if last, err := s.Delete(ctx, id); last.N != 10 || err != nil {
				t.Errorf("Delete = %d, %v: want 10, nil", last.N, err)
			}
		})
	}
}

// The sessions that a Sweep has removed by the time a closure ends it stay removed, their goroutines with them.
func TestActorSweepEndedByAClosure(t *testing.T) {
	endings := map[string]func(){"panic": func() { panic("stop") }, "goexit": runtime.Goexit}
	for name, open := range actors() {
		for how, end := range endings {
			t.Run(name+" "+how, func(t *testing.T) {
				s, ctx := open(), context.Background()
				defer s.Close()
				for range 3 {
					mustCreate(t, s, uuid.New())
				}
				var recovered any
				var sweep sync.WaitGroup
				sweep.Go(func() {
					defer func() { recovered = recover() }()
					s.Sweep(ctx, always, func(manager.ID, Probe) { end() })
				})
				sweep.Wait()
				if want := any("stop"); how == "panic" && recovered != want {
					t.Errorf("recovered %v: want %v", recovered, want)
				}
				c := s.Census()
				if c.Sessions != 2 || s.index != nil && c.Goroutines != 2 {
					t.Errorf("census %+v: want 2 sessions left", c)
				}
				if n, err := s.Sweep(ctx, always, nil); n != 2 || err != nil {
					t.Errorf("the next Sweep = %d, %v: want 2, nil", n, err)
				}
			})
		}
	}
}

// More callers than the mailbox holds wait for a busy owner. They can all give up, those still sending included.
func TestActorWithdrawal(t *testing.T) {
	for name, open := range actors() {
		t.Run(name, func(t *testing.T) {
			s, id := open(), uuid.New()
			defer s.Close()
			mustCreate(t, s, id)
			began, free := make(chan struct{}), make(chan struct{})
			var busy, waiting sync.WaitGroup
			busy.Go(func() {
				s.Update(context.Background(), id, func(context.Context, *Probe) error { close(began); <-free; return nil })
			})
			<-began
			ctx, cancel := context.WithCancel(context.Background())
			for range 2 * mailboxSize {
				waiting.Go(func() {
					err := s.Update(ctx, id, func(context.Context, *Probe) error { t.Error("a closure ran"); return nil })
					if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.Canceled) {
						t.Errorf("a withdrawn update gave %v", err)
					}
				})
			}
			if o := s.owner(id); cap(o.mailbox) > 0 {
				for len(o.mailbox) < cap(o.mailbox) {
					runtime.Gosched()
				}
			}
			cancel()
			waiting.Wait() // while the owner is still busy
			close(free)
			busy.Wait()
			if err := s.Update(context.Background(), id, increment); err != nil {
				t.Error(err)
			}
		})
	}
}

// A request sent to an owner about to stop is either served or sent again to the next owner: none is lost, and
// none counts for another life.
func TestActorStopsDuringUpdates(t *testing.T) {
	s, ctx, id := NewActor[Probe](ActorOptions{PerSession: true}), context.Background(), uuid.New()
	defer s.Close()
	var applied, handedOver atomic.Int64
	var users sync.WaitGroup
	for range 16 {
		users.Go(func() {
			for i := range 500 {
				switch {
				case i%8 == 0:
					last, err := s.Delete(ctx, id)
					handedOver.Add(last.N)
					if err != nil && err != manager.ErrNotFound {
						t.Error(err)
					}
				default:
					if _, err := s.GetOrCreate(ctx, id, newProbe, nil); err != nil {
						t.Error(err)
					}
					switch err := s.Update(ctx, id, increment); err {
					case nil:
						applied.Add(1)
					case manager.ErrNotFound:
					default:
						t.Error(err)
					}
				}
			}
		})
	}
	users.Wait()
	if _, err := s.Sweep(ctx, always, func(_ manager.ID, last Probe) { handedOver.Add(last.N) }); err != nil {
		t.Error(err)
	}
	if applied.Load() != handedOver.Load() {
		t.Errorf("%d updates were acknowledged, %d handed over", applied.Load(), handedOver.Load())
	}
	if c := s.Census(); c != (manager.Census{}) {
		t.Errorf("census %+v: want nothing", c)
	}
}

// TestCancellationStorm cancels at every moment of an operation's life, in every store whose waits can be cancelled,
// and then looks whether the books are in order.
func TestCancellationStorm(t *testing.T) {
	for _, strategy := range All() {
		if strategy.Guarantees.Cancellable == manager.CancelNever {
			continue
		}
		for _, given := range settings(strategy) {
			t.Run(label(strategy, given), func(t *testing.T) {
				p, err := strategy.Resolve(given)
				if err != nil {
					t.Fatal(err)
				}
				store, err := strategy.Open(p)
				if err != nil {
					t.Fatal(err)
				}
				defer store.Close()
				cancellationStorm(t, store)
			})
		}
	}
}

func cancellationStorm(t *testing.T, store manager.SessionStore[manager.Session]) {
	create := func() manager.Session { return manager.Session{} }
	touch := func(_ context.Context, s *manager.Session) error { s.Touch(0); return nil }
	ids := []manager.ID{uuid.New(), uuid.New()}
	resting := store.(manager.CensusReporter).Census()
	for _, id := range ids {
		if created, err := store.GetOrCreate(t.Context(), id, create, nil); !created || err != nil {
			t.Fatal(created, err)
		}
	}
	var applied, total atomic.Int64
	var users sync.WaitGroup
	for range 24 {
		users.Go(func() {
			for range 60 {
				ctx, cancel := context.WithCancel(context.Background())
				timer := time.AfterFunc(rand.N(200*time.Microsecond), cancel)
				err := store.Update(ctx, ids[rand.IntN(len(ids))], func(ctx context.Context, s *manager.Session) error {
					for range rand.IntN(3) {
						runtime.Gosched()
					}
					return touch(ctx, s)
				})
				switch {
				case err == nil:
					applied.Add(1)
				case !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.Canceled):
					t.Errorf("a cancelled update gave %v", err)
				}
				timer.Stop()
				cancel()
			}
		})
	}
	users.Wait()
	for _, id := range ids {
		if err := store.Update(context.Background(), id, touch); err != nil {
			t.Errorf("the next update: %v", err)
		}
		last, err := store.Delete(context.Background(), id)
		if err != nil {
			t.Error(err)
		}
		total.Add(int64(last.Version) - 1)
	}
	if applied.Load() != total.Load() {
		t.Errorf("%d updates were acknowledged, %d are in the sessions", applied.Load(), total.Load())
	}
	if c := store.(manager.CensusReporter).Census(); c != resting {
		t.Errorf("census %+v: want %+v as before", c, resting)
	}
}
