package manager_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

var background = context.Background()

// mapStore is the smallest store: a map under one lock. It runs the closure of each Update tries times, each time on a
// copy of the session, and keeps what the last run made of it, as a store that retries does.
type mapStore struct {
	tries int

	mu       sync.Mutex // protects what follows
	sessions map[manager.ID]*manager.Session
	updating bool // the closure of an Update is running
}

func newMapStore(tries int) *mapStore {
	return &mapStore{tries: tries, sessions: map[manager.ID]*manager.Session{}}
}

func (m *mapStore) GetOrCreate(
	_ context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[id]
	if !found {
		fresh := create()
		s = &fresh
		m.sessions[id] = s
	}
	if view != nil {
		view(s)
	}
	return !found, nil
}

func (m *mapStore) View(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[id]
	if !found {
		return manager.ErrNotFound
	}
	for range m.tries - 1 {
		if err := fn(ctx, s); err != nil {
			return err
		}
	}
	return fn(ctx, s)
}

func (m *mapStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[id]
	if !found {
		return manager.ErrNotFound
	}
	m.updating = true
	defer func() { m.updating = false }()
	for range m.tries - 1 {
		if err := fn(ctx, s.Clone()); err != nil {
			return err
		}
	}
	draft := s.Clone()
	if err := fn(ctx, draft); err != nil {
		return err
	}
	m.sessions[id] = draft
	return nil
}

func (m *mapStore) Delete(_ context.Context, id manager.ID) (last manager.Session, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, found := m.sessions[id]
	if !found {
		return last, manager.ErrNotFound
	}
	delete(m.sessions, id)
	return *s, nil
}

func (m *mapStore) Sweep(
	_ context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, s := range m.sessions {
		if !expired(id, s) {
			continue
		}
		delete(m.sessions, id)
		n++
		if removed != nil {
			removed(id, *s)
		}
	}
	return n, nil
}

func (m *mapStore) Len(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions), nil
}

func (m *mapStore) Close() error { return nil }

// stubStore is a store with some of its answers replaced.
type stubStore struct {
	manager.SessionStore[manager.Session]
	taken  bool  // every id that is asked for is there already
	create error // what GetOrCreate answers
	update error // what Update answers
	sweep  error // what Sweep answers once it is done
}

func (s *stubStore) GetOrCreate(
	ctx context.Context, id manager.ID, create func() manager.Session, view func(*manager.Session),
) (bool, error) {
	if s.create != nil {
		return false, s.create
	}
	if s.taken {
		if _, err := s.SessionStore.GetOrCreate(ctx, id, create, nil); err != nil {
			return false, err
		}
	}
	return s.SessionStore.GetOrCreate(ctx, id, create, view)
}

func (s *stubStore) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.update != nil {
		return s.update
	}
	return s.SessionStore.Update(ctx, id, fn)
}

func (s *stubStore) Sweep(
	ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session),
) (int, error) {
	n, err := s.SessionStore.Sweep(ctx, expired, removed)
	if err == nil {
		err = s.sweep
	}
	return n, err
}

// overStores runs test over stores of several kinds.
func overStores(t *testing.T, test func(t *testing.T, store manager.SessionStore[manager.Session])) {
	stores := []struct {
		name  string
		store manager.SessionStore[manager.Session]
	}{
		{"per-session", strategies.NewPerSession[manager.Session]()},
		{"cow", strategies.NewCOW((*manager.Session).CopyTo)},
		{"map", newMapStore(1)},
		{"closures run twice", newMapStore(2)},
	}
	for _, s := range stores {
		t.Run(s.name, func(t *testing.T) {
			t.Cleanup(func() {
				if err := s.store.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, s.store)
		})
	}
}

// testClock stands still until it is set.
type testClock struct{ at time.Time }

func newTestClock() *testClock                { return &testClock{time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)} }
func (c *testClock) now() time.Time           { return c.at }
func (c *testClock) advance(by time.Duration) { c.at = c.at.Add(by) }

// peek is a copy of the session as the store has it.
func peek(t *testing.T, store manager.SessionStore[manager.Session], id manager.ID) (copied manager.Session) {
	t.Helper()
	err := store.View(background, id, func(_ context.Context, s *manager.Session) error { copied = *s.Clone(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

func wantLen(t *testing.T, store manager.SessionStore[manager.Session], want int) {
	t.Helper()
	if n, err := store.Len(background); err != nil || n != want {
		t.Errorf("the store has %d sessions, error %v: want %d", n, err, want)
	}
}

// must returns v, and ends the test if there is an error.
func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
