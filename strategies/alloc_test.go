package strategies

import (
	"context"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// allocRuns is how often an operation runs for one figure. The average is rounded down, so a garbage collection that
// empties a pool in the middle does not count.
const allocRuns = 1000

// TestSteadyStateAllocatesNothing holds for every strategy. Under the race detector sync.Pool drops some of what it is given, on
// purpose: one that replaces the session on each update then has to allocate states.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, strategy := range All() {
		if raceEnabled && !strategy.Guarantees.ExclusiveUpdates {
			continue
		}
		for _, given := range settings(strategy) {
			t.Run(label(strategy, given), func(t *testing.T) {
				store := openSessions(t, strategy, given)
				t.Run("store", func(t *testing.T) { storeAllocatesNothing(t, store) })
				t.Run("chatbot", func(t *testing.T) { chatbotAllocatesNothing(t, store) })
			})
		}
	}
}

func openSessions(t *testing.T, strategy *Strategy, given map[string]string) manager.SessionStore[manager.Session] {
	p, err := strategy.Resolve(given)
	if err != nil {
		t.Fatal(err)
	}
	store, err := strategy.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// storeAllocatesNothing calls the store with closures made beforehand.
func storeAllocatesNothing(t *testing.T, store manager.SessionStore[manager.Session]) {
	ctx, bot := context.Background(), manager.NewChatbot(store)
	id, err := bot.CreateSession(ctx)
	if err != nil {
		t.Fatal(err)
	}
	touch := func(_ context.Context, s *manager.Session) error { s.Touch(1); return nil }
	var seen uint64
	look := func(_ context.Context, s *manager.Session) error { seen = s.Version; return nil }
	create := func() manager.Session { return manager.Session{} }
	show := func(s *manager.Session) { seen = s.Version }
	wantNoAllocs(t, "Update", func() error { return store.Update(ctx, id, touch) })
	wantNoAllocs(t, "View", func() error { return store.View(ctx, id, look) })
	wantNoAllocs(t, "GetOrCreate of a session that is there", func() error {
		_, err := store.GetOrCreate(ctx, id, create, show)
		return err
	})
	if seen < allocRuns {
		t.Errorf("the session is at version %d: want %d updates or more", seen, allocRuns)
	}
}

// chatbotAllocatesNothing calls the store as the application does, on a full history.
func chatbotAllocatesNothing(t *testing.T, store manager.SessionStore[manager.Session]) {
	if raceEnabled {
		t.Skip("under the race detector sync.Pool drops some of what it is given, on purpose")
	}
	ctx, bot := context.Background(), manager.NewChatbot(store)
	id, err := bot.CreateSession(ctx)
	if err != nil {
		t.Fatal(err)
	}
	add := func() error { _, err := bot.AddMessage(ctx, id, "user", "a question"); return err }
	for range manager.HistoryLimit {
		if err := add(); err != nil {
			t.Fatal(err)
		}
	}
	dst := make([]manager.Message, 0, manager.HistoryLimit)
	wantNoAllocs(t, "AddMessage", add)
	wantNoAllocs(t, "History", func() error {
		dst, err = bot.History(ctx, id, dst[:0])
		return err
	})
	if len(dst) != manager.HistoryLimit {
		t.Errorf("the history has %d messages: want %d", len(dst), manager.HistoryLimit)
	}
}

func wantNoAllocs(t *testing.T, what string, op func() error) {
	t.Helper()
	var failed error
	allocs := testing.AllocsPerRun(allocRuns, func() {
		if err := op(); err != nil {
			failed = err
		}
	})
	if failed != nil {
		t.Fatalf("%s: %v", what, failed)
	}
	if allocs != 0 {
		t.Errorf("%s: %v allocations an operation: want 0", what, allocs)
	}
}
