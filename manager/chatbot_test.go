package manager_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessbench/sessbench/manager"
)

func TestChatbotMintsIDs(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		bot, seen := manager.NewChatbot(store), map[manager.ID]bool{}
		for range 1000 {
			id := must[manager.ID](t)(bot.CreateSession(background))
			if id.Version() != 4 || id.Variant() != 1 || seen[id] {
				t.Fatalf("%v (version %d, variant %v, seen before: %v): want a new random UUID",
					id, id.Version(), id.Variant(), seen[id])
			}
			seen[id] = true
			if s := peek(t, store, id); s.Incarnation != manager.IncarnationOf(id) || s.Len() != 0 || s.Version != 0 {
				t.Fatalf("a new session is %+v", s)
			}
		}
		wantLen(t, store, 1000)
	})
}

func TestChatbotCreateErrors(t *testing.T) {
	failure := errors.New("disk full")
	for _, test := range []struct {
		why  string
		stub stubStore
		want error
	}{
		{"the minted id is there already", stubStore{taken: true}, manager.ErrExists},
		{"the store's error comes back as it is", stubStore{create: failure}, failure},
	} {
		t.Run(test.why, func(t *testing.T) {
			test.stub.SessionStore = newMapStore(1)
			if _, err := manager.NewChatbot(&test.stub).CreateSession(background); err != test.want {
				t.Errorf("error %v: want %v", err, test.want)
			}
		})
	}
}

func TestChatbotConversation(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		bot := manager.NewChatbot(store)
		id, other := must[manager.ID](t)(bot.CreateSession(background)), must[manager.ID](t)(bot.CreateSession(background))
		var want []manager.Message
		for n := uint64(1); n <= 40; n++ {
			content := fmt.Sprint("message ", n)
			if seq := must[uint64](t)(bot.AddMessage(background, id, "user", content)); seq != n {
				t.Fatalf("message %d got number %d", n, seq)
			}
			want = append(want, manager.Message{Seq: n, Role: "user", Content: content})
			got := must[[]manager.Message](t)(bot.History(background, id, nil))
			if diff := cmp.Diff(want[max(0, len(want)-manager.HistoryLimit):], got); diff != "" {
				t.Fatalf("history after %d messages (-want +got):\n%s", n, diff)
			}
		}
		if seq := must[uint64](t)(bot.AddMessage(background, other, "user", "hello")); seq != 1 {
			t.Errorf("the first message of another session got number %d", seq)
		}
	})
}

// Numbers are given once each, and the session has them all, however many write at once.
func TestChatbotConcurrentMessages(t *testing.T) {
	const writers, each = 8, 50
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		bot := manager.NewChatbot(store)
		id := must[manager.ID](t)(bot.CreateSession(background))
		var mu sync.Mutex // protects seqs
		var seqs []uint64
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					seq, err := bot.AddMessage(background, id, "user", "hello")
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					seqs = append(seqs, seq)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		slices.Sort(seqs)
		for i, seq := range seqs {
			if seq != uint64(i+1) {
				t.Fatalf("number %d was given where %d was due", seq, i+1)
			}
		}
		if s := peek(t, store, id); s.Seq != writers*each {
			t.Errorf("the session counts %d messages: want %d", s.Seq, writers*each)
		}
	})
}

func TestChatbotHistoryUsesDst(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		bot := manager.NewChatbot(store)
		id := must[manager.ID](t)(bot.CreateSession(background))
		for n := range 20 {
			must[uint64](t)(bot.AddMessage(background, id, "user", fmt.Sprint(n)))
		}
		before := manager.Message{Content: "was there before"}
		dst := append(make([]manager.Message, 0, 1+manager.HistoryLimit), before)
		got := must[[]manager.Message](t)(bot.History(background, id, dst))
		if len(got) != 1+manager.HistoryLimit || got[0] != before || got[1].Seq != 6 {
			t.Errorf("history behind one message: %v", got)
		}
		if &got[0] != &dst[0] {
			t.Error("dst had room for the history but was not used")
		}
		kept := slices.Clone(got)
		for range 20 {
			must[uint64](t)(bot.AddMessage(background, id, "bot", "later"))
		}
		if diff := cmp.Diff(kept, got); diff != "" {
			t.Errorf("later messages show in a history handed out before (-want +got):\n%s", diff)
		}
		if raceEnabled {
			return // under the race detector sync.Pool drops some of what it is given, on purpose
		}
		if allocs := testing.AllocsPerRun(500, func() { dst, _ = bot.History(background, id, dst[:0]) }); allocs != 0 {
			t.Errorf("%v allocations a History: want 0", allocs)
		}
	})
}

func TestChatbotWithoutSession(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		bot := manager.NewChatbot(store, manager.WithTTL(time.Minute))
		id := must[manager.ID](t)(bot.CreateSession(background))
		if err := bot.DeleteSession(background, id); err != nil {
			t.Fatal(err)
		}
		other := must[manager.ID](t)(bot.CreateSession(background)) // whose answers must not be given again
		must[uint64](t)(bot.AddMessage(background, other, "user", "hello"))
		must[uint64](t)(bot.Touch(background, other))
		dst := []manager.Message{{Seq: 7, Content: "was there before"}}
		got, historyErr := bot.History(background, id, dst)
		if diff := cmp.Diff(dst, got); diff != "" {
			t.Errorf("dst (-want +got):\n%s", diff)
		}
		seq, appendErr := bot.AddMessage(background, id, "user", "hello")
		version, touchErr := bot.Touch(background, id)
		if seq != 0 || version != 0 {
			t.Errorf("message number %d, version %d: want none", seq, version)
		}
		for what, err := range map[string]error{
			"History":       historyErr,
			"AddMessage":    appendErr,
			"Touch":         touchErr,
			"Validate":      bot.Validate(background, id),
			"DeleteSession": bot.DeleteSession(background, id),
		} {
			if !errors.Is(err, manager.ErrNotFound) {
				t.Errorf("%s: %v, want %v", what, err, manager.ErrNotFound)
			}
		}
		wantLen(t, store, 1)
	})
}

// reads are the reads that count as uses.
func reads(bot *manager.Chatbot) map[string]func(manager.ID) error {
	return map[string]func(manager.ID) error{
		"Validate": func(id manager.ID) error { return bot.Validate(background, id) },
		"History":  func(id manager.ID) error { _, err := bot.History(background, id, nil); return err },
	}
}

func TestChatbotTouchesWhenDue(t *testing.T) {
	const ttl = 10 * time.Minute
	steps := []struct {
		why     string
		advance time.Duration
		touched bool
	}{
		{"just made", 0, false},
		{"a tenth of the time-to-live ago is not yet older than that", ttl / 10, false},
		{"a nanosecond more is", 1, true},
		{"just touched", 0, false},
		{"long ago", 5 * ttl, true},
		{"the clock was set back", -time.Hour, false},
	}
	for name := range reads(nil) {
		overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
			clock := newTestClock()
			bot := manager.NewChatbot(store, manager.WithTTL(ttl), manager.WithClock(clock.now))
			id := must[manager.ID](t)(bot.CreateSession(background))
			want := peek(t, store, id)
			for _, step := range steps {
				clock.advance(step.advance)
				if err := reads(bot)[name](id); err != nil {
					t.Fatal(err)
				}
				if step.touched {
					want.Touched = clock.at.UnixNano()
					want.Version++
				}
				if got := peek(t, store, id); got.Touched != want.Touched || got.Version != want.Version {
					t.Errorf("%s, %s: touched %d, version %d: want %d, %d",
						name, step.why, got.Touched, got.Version, want.Touched, want.Version)
				}
			}
		})
	}
}

func TestChatbotRecordsUses(t *testing.T) {
	for _, test := range []struct {
		why   string
		ttl   time.Duration
		write bool // whether AddMessage is a use that is recorded
	}{
		{"with a time-to-live", time.Minute, true},
		{"without", 0, false},
	} {
		t.Run(test.why, func(t *testing.T) {
			clock, store := newTestClock(), newMapStore(1)
			bot := manager.NewChatbot(store, manager.WithTTL(test.ttl), manager.WithClock(clock.now))
			made := clock.at.UnixNano()
			id := must[manager.ID](t)(bot.CreateSession(background))
			clock.advance(time.Hour)
			if !test.write {
				for name, read := range reads(bot) {
					if err := read(id); err != nil {
						t.Fatal(err)
					}
					if s := peek(t, store, id); s.Touched != made || s.Version != 0 {
						t.Errorf("%s changed the session to %+v", name, s)
					}
				}
			}
			must[uint64](t)(bot.AddMessage(background, id, "user", "hello"))
			s := peek(t, store, id)
			if recorded := s.Touched == clock.at.UnixNano(); recorded != test.write || s.Version != 1 {
				t.Errorf("AddMessage left the session at %+v", s)
			}
			version := must[uint64](t)(bot.Touch(background, id))
			if s := peek(t, store, id); s.Touched != clock.at.UnixNano() || s.Version != version || version != 2 {
				t.Errorf("Touch returned version %d and left the session at %+v", version, s)
			}
		})
	}
}

// What becomes of the touch that a read makes decides what the read answers.
func TestChatbotReadWhoseTouchFails(t *testing.T) {
	failure := errors.New("connection lost")
	for _, test := range []struct {
		why    string
		update error
		want   error
	}{
		{"the session has gone since: the read is as good as ever", manager.ErrNotFound, nil},
		{"the same, in a store that wraps its errors", fmt.Errorf("shard 3: %w", manager.ErrNotFound), nil},
		{"anything else is the caller's to know", failure, failure},
	} {
		t.Run(test.why, func(t *testing.T) {
			clock := newTestClock()
			store := &stubStore{SessionStore: newMapStore(1)}
			bot := manager.NewChatbot(store, manager.WithTTL(time.Minute), manager.WithClock(clock.now))
			id := must[manager.ID](t)(bot.CreateSession(background))
			must[uint64](t)(bot.AddMessage(background, id, "user", "hello"))
			clock.advance(time.Hour)
			store.update = test.update
			for name, read := range reads(bot) {
				if err := read(id); err != test.want {
					t.Errorf("%s: %v, want %v", name, err, test.want)
				}
			}
			dst := []manager.Message{{Seq: 7}}
			want := slices.Clone(dst)
			if test.want == nil {
				want = append(want, manager.Message{Seq: 1, Role: "user", Content: "hello"})
			}
			got, _ := bot.History(background, id, dst)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

// removals notes what OnRemove is given.
type removals struct {
	mu   sync.Mutex // protects last
	last map[manager.ID][]manager.Session
}

func (r *removals) note(id manager.ID, last manager.Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = map[manager.ID][]manager.Session{}
	}
	r.last[id] = append(r.last[id], last)
}

func TestChatbotPassesTheLastState(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		var gone removals
		bot := manager.NewChatbot(store, manager.OnRemove(gone.note))
		deleted, expired := must[manager.ID](t)(bot.CreateSession(background)), must[manager.ID](t)(bot.CreateSession(background))
		for n := range 20 {
			must[uint64](t)(bot.AddMessage(background, deleted, "user", fmt.Sprint("deleted ", n)))
			must[uint64](t)(bot.AddMessage(background, expired, "user", fmt.Sprint("expired ", n)))
		}
		want := map[manager.ID][]manager.Session{deleted: {peek(t, store, deleted)}, expired: {peek(t, store, expired)}}
		if err := bot.DeleteSession(background, deleted); err != nil {
			t.Fatal(err)
		}
		if err := bot.DeleteSession(background, deleted); !errors.Is(err, manager.ErrNotFound) {
			t.Errorf("deleted again: %v, want %v", err, manager.ErrNotFound)
		}
		for _, left := range []int{1, 0} {
			if n := must[int](t)(bot.ExpireIdle(background, 0)); n != left {
				t.Errorf("%d sessions expired: want %d", n, left)
			}
		}
		sameState := cmp.Transformer("state", func(s manager.Session) any {
			return struct {
				Seq, Version, Incarnation uint64
				Touched                   int64
				History                   []manager.Message
			}{s.Seq, s.Version, s.Incarnation, s.Touched, s.History(nil)}
		})
		if diff := cmp.Diff(want, gone.last, sameState, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("handed over (-want +got):\n%s", diff)
		}
		wantLen(t, store, 0)
	})
}

// Deletions and expiries that want the same sessions share them out.
func TestChatbotPassesEachStateOnce(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		var gone removals
		bot := manager.NewChatbot(store, manager.OnRemove(gone.note))
		ids := make([]manager.ID, 200)
		for i := range ids {
			ids[i] = must[manager.ID](t)(bot.CreateSession(background))
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for _, id := range ids {
					if err := bot.DeleteSession(background, id); err != nil && !errors.Is(err, manager.ErrNotFound) {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				if _, err := bot.ExpireIdle(background, 0); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			if n := len(gone.last[id]); n != 1 {
				t.Errorf("session %v was handed over %d times: want once", id, n)
			}
		}
	})
}

func TestChatbotExpireIdleBorders(t *testing.T) {
	const ttl = time.Minute
	for _, test := range []struct {
		why     string
		ttl     time.Duration
		idle    time.Duration
		expired int
	}{
		{"exactly the time-to-live ago", ttl, ttl, 1},
		{"a nanosecond less", ttl, ttl - 1, 0},
		{"a nanosecond more", ttl, ttl + 1, 1},
		{"used at this moment", ttl, 0, 0},
		{"the clock was set back", ttl, -time.Hour, 0},
		{"no time-to-live removes all", 0, 0, 1},
		{"also what was used in the future", 0, -time.Hour, 1},
		{"nor does less than none keep any", -ttl, 0, 1},
	} {
		t.Run(test.why, func(t *testing.T) {
			overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
				clock := newTestClock()
				bot := manager.NewChatbot(store, manager.WithTTL(ttl), manager.WithClock(clock.now))
				id := must[manager.ID](t)(bot.CreateSession(background))
				clock.advance(time.Second)
				must[uint64](t)(bot.AddMessage(background, id, "user", "the last use"))
				clock.advance(test.idle)
				if n := must[int](t)(bot.ExpireIdle(background, test.ttl)); n != test.expired {
					t.Errorf("%d sessions expired: want %d", n, test.expired)
				}
				wantLen(t, store, 1-test.expired)
			})
		})
	}
}

// Work happens while the store holds the session, in every update and in no read.
func TestChatbotWork(t *testing.T) {
	clock, store, worked := newTestClock(), newMapStore(1), 0
	work := func() {
		worked++
		if !store.updating {
			t.Error("work outside an update")
		}
	}
	bot := manager.NewChatbot(store, manager.WithWork(work), manager.WithTTL(time.Minute), manager.WithClock(clock.now))
	id := must[manager.ID](t)(bot.CreateSession(background))
	for _, step := range []struct {
		what string
		do   func() error
		want int
	}{
		{"AddMessage", func() error { _, err := bot.AddMessage(background, id, "user", "hello"); return err }, 1},
		{"Touch", func() error { _, err := bot.Touch(background, id); return err }, 1},
		{"Validate with no touch due", func() error { return bot.Validate(background, id) }, 0},
		{"History with no touch due", func() error { _, err := bot.History(background, id, nil); return err }, 0},
		{"Validate with a touch due", func() error { clock.advance(time.Hour); return bot.Validate(background, id) }, 1},
		{"DeleteSession", func() error { return bot.DeleteSession(background, id) }, 0},
	} {
		worked = 0
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		if worked != step.want {
			t.Errorf("%s worked %d times: want %d", step.what, worked, step.want)
		}
	}
}

// A panic in the work reaches the caller, and nothing of the operation that panicked shows in those after it.
func TestChatbotSurvivesPanics(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		fail := false
		bot := manager.NewChatbot(store, manager.WithWork(func() {
			if fail {
				panic("model gone")
			}
		}))
		panics := func(what string, op func()) {
			t.Helper()
			fail = true
			defer func() {
				fail = false
				if got := recover(); got != "model gone" {
					t.Errorf("%s: recovered %v, want the work's own panic", what, got)
				}
			}()
			op()
		}
		id := must[manager.ID](t)(bot.CreateSession(background))
		var want []manager.Message
		for n := uint64(1); n <= 10; n++ {
			panics("AddMessage", func() { _, _ = bot.AddMessage(background, id, "lost", "lost") })
			panics("Touch", func() { _, _ = bot.Touch(background, id) })
			if seq := must[uint64](t)(bot.AddMessage(background, id, "user", fmt.Sprint(n))); seq != n {
				t.Fatalf("message %d got number %d", n, seq)
			}
			want = append(want, manager.Message{Seq: n, Role: "user", Content: fmt.Sprint(n)})
			got := must[[]manager.Message](t)(bot.History(background, id, nil))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("history (-want +got):\n%s", diff)
			}
		}
		if version := must[uint64](t)(bot.Touch(background, id)); version != 11 {
			t.Errorf("version %d after ten messages and a touch: want 11", version)
		}
	})
}
