package manager_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessbench/sessbench/manager"
)

func newBoards(
	t *testing.T, store manager.SessionStore[manager.Session], opts ...manager.Option,
) (boards *manager.Brainstorming, root string) {
	t.Helper()
	root = t.TempDir()
	return must[*manager.Brainstorming](t)(manager.NewBrainstorming(store, root, opts...)), root
}

func closeBoards(t *testing.T, boards *manager.Brainstorming) {
	t.Helper()
	if err := boards.Close(); err != nil {
		t.Error(err)
	}
}

// wantDirs checks that exactly these sessions have a directory under root, and nothing else is there.
func wantDirs(t *testing.T, root string, ids ...manager.ID) {
	t.Helper()
	var want, got []string
	for _, id := range ids {
		want = append(want, id.String())
	}
	for _, entry := range must[[]os.DirEntry](t)(os.ReadDir(root)) {
		got = append(got, entry.Name())
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}

// fill puts a file into a session's directory, for what is empty is removed too easily.
func fill(t *testing.T, boards *manager.Brainstorming, id manager.ID) {
	t.Helper()
	sketches := filepath.Join(boards.Dir(id), "sketches")
	if err := os.Mkdir(sketches, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sketches, "1.svg"), []byte("<svg/>"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBrainstormingDirectories(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		clock := newTestClock()
		boards, root := newBoards(t, store, manager.WithTTL(time.Minute), manager.WithClock(clock.now))
		create := func() manager.ID {
			id := must[manager.ID](t)(boards.CreateSession(background))
			fill(t, boards, id)
			return id
		}
		idle, deleted := create(), create()
		if id := idle; id.Version() != 4 || id == deleted {
			t.Errorf("minted %v and %v: want two random UUIDs", idle, deleted)
		}
		wantDirs(t, root, idle, deleted)
		if dir := boards.Dir(idle); dir != filepath.Join(root, idle.String()) {
			t.Errorf("Dir is %s", dir)
		}
		if info := must[fs.FileInfo](t)(os.Stat(boards.Dir(idle))); info.Mode().Perm()&0o077 != 0 {
			t.Errorf("mode %v: want a directory that only its owner can read", info.Mode())
		}

		if err := boards.DeleteSession(background, deleted); err != nil {
			t.Fatal(err)
		}
		wantDirs(t, root, idle)

		clock.advance(time.Minute)
		busy := create()
		if n := must[int](t)(boards.ExpireIdle(background, time.Minute)); n != 1 {
			t.Errorf("%d sessions expired: want the idle one", n)
		}
		wantDirs(t, root, busy)

		closeBoards(t, boards)
		wantDirs(t, root)
		wantLen(t, store, 0)
	})
}

func TestBrainstormingNeedsItsRoot(t *testing.T) {
	_, err := manager.NewBrainstorming(newMapStore(1), filepath.Join(t.TempDir(), "missing"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v: want %v", err, fs.ErrNotExist)
	}
}

// A session and its directory are made together or not at all.
func TestBrainstormingCreateFails(t *testing.T) {
	failure := errors.New("out of memory")
	for _, test := range []struct {
		why  string
		stub stubStore
		want error
	}{
		{"the store's error comes back", stubStore{create: failure}, failure},
		{"the minted id is there already", stubStore{taken: true}, manager.ErrExists},
	} {
		t.Run(test.why, func(t *testing.T) {
			test.stub.SessionStore = newMapStore(1)
			boards, root := newBoards(t, &test.stub)
			if _, err := boards.CreateSession(background); !errors.Is(err, test.want) {
				t.Errorf("error %v: want %v", err, test.want)
			}
			wantDirs(t, root)
			closeBoards(t, boards)
		})
	}
	t.Run("no directory can be made", func(t *testing.T) {
		store := newMapStore(1)
		boards, root := newBoards(t, store)
		if err := os.Remove(root); err != nil {
			t.Skip("this system keeps a directory that is open: ", err)
		}
		if _, err := boards.CreateSession(background); !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v: want %v and its cause", err, manager.ErrNotApplied)
		}
		wantLen(t, store, 0)
		closeBoards(t, boards)
	})
}

// A link planted where a session's directory was, or inside of one, is removed. What it leads to stays.
func TestBrainstormingStaysInsideItsRoot(t *testing.T) {
	endings := map[string]func(*manager.Brainstorming, manager.ID) error{
		"delete": func(b *manager.Brainstorming, id manager.ID) error { return b.DeleteSession(background, id) },
		"expiry": func(b *manager.Brainstorming, _ manager.ID) error { _, err := b.ExpireIdle(background, 0); return err },
		"Close":  func(*manager.Brainstorming, manager.ID) error { return nil },
	}
	for name, end := range endings {
		t.Run(name, func(t *testing.T) {
			outside := t.TempDir()
			precious := filepath.Join(outside, "precious")
			if err := os.WriteFile(precious, []byte("keep"), 0o600); err != nil {
				t.Fatal(err)
			}
			boards, root := newBoards(t, newMapStore(1))
			replaced := must[manager.ID](t)(boards.CreateSession(background))
			linked := must[manager.ID](t)(boards.CreateSession(background))
			if err := os.Remove(boards.Dir(replaced)); err != nil {
				t.Fatal(err)
			}
			for _, link := range []string{boards.Dir(replaced), filepath.Join(boards.Dir(linked), "link")} {
				if err := os.Symlink(outside, link); err != nil {
					t.Skip("this system makes no links: ", err)
				}
			}
			for _, id := range []manager.ID{replaced, linked} {
				if err := end(boards, id); err != nil && !errors.Is(err, manager.ErrNotFound) {
					t.Error(err)
				}
			}
			closeBoards(t, boards)
			wantDirs(t, root)
			if text, err := os.ReadFile(precious); err != nil || string(text) != "keep" {
				t.Errorf("the file outside is now %q, error %v", text, err)
			}
		})
	}
}

func TestBrainstormingOver(t *testing.T) {
	var gone, otherGone removals
	store, otherStore := newMapStore(1), newMapStore(1)
	boards, root := newBoards(t, store, manager.OnRemove(gone.note))
	other := boards.Over(otherStore, manager.OnRemove(otherGone.note))
	id, otherID := must[manager.ID](t)(boards.CreateSession(background)), must[manager.ID](t)(other.CreateSession(background))
	wantDirs(t, root, id, otherID)

	if _, err := boards.Session(background, otherID); !errors.Is(err, manager.ErrNotFound) {
		t.Errorf("the other store's session: %v, want %v", err, manager.ErrNotFound)
	}
	if n := must[int](t)(other.ExpireIdle(background, 0)); n != 1 {
		t.Errorf("%d sessions expired: want the other store's one", n)
	}
	wantDirs(t, root, id)
	if len(gone.last) != 0 || len(otherGone.last[otherID]) != 1 {
		t.Errorf("handed over %v and %v: want the expired one to its own OnRemove", gone.last, otherGone.last)
	}

	same := boards.Over(store)
	if _, err := same.Session(background, id); err != nil {
		t.Errorf("over the same store: %v", err)
	}
	closeBoards(t, boards)
	wantDirs(t, root)
	if len(gone.last[id]) != 1 {
		t.Errorf("Close handed over %v: want the one session", gone.last)
	}
}

func TestBrainstormingFields(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		boards, _ := newBoards(t, store)
		defer closeBoards(t, boards)
		id := must[manager.ID](t)(boards.CreateSession(background))
		fields := map[string]string{"goal": "ship", "owner": "ada"}
		for i, step := range []struct {
			why          string
			fields, want map[string]string
		}{
			{"the first fields", fields, fields},
			{"others stay", map[string]string{"goal": "rest"}, map[string]string{"goal": "rest", "owner": "ada"}},
			{"no fields are a change, too", nil, map[string]string{"goal": "rest", "owner": "ada"}},
		} {
			if version := must[uint64](t)(boards.UpdateSession(background, id, step.fields)); version != uint64(i+1) {
				t.Errorf("%s: version %d, want %d", step.why, version, i+1)
			}
			fields["goal"] = "changed by the caller afterwards"
			copied := must[manager.Session](t)(boards.Session(background, id))
			if diff := cmp.Diff(step.want, copied.Fields); i > 0 && diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.why, diff)
			}
			copied.SetFields(map[string]string{"goal": "changed in a copy"})
			copied.Append("user", "into a copy")
		}
		if s := peek(t, store, id); s.Version != 3 || s.Len() != 0 || s.Fields["goal"] != "rest" {
			t.Errorf("changes to what went in or came out show in the session: %+v", s)
		}
	})
}

// Readers never see some of an update's fields without the others.
func TestBrainstormingFieldsAllOrNone(t *testing.T) {
	const writers, each = 4, 100
	names := []string{"goal", "steps", "owner", "due", "status"}
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		boards, _ := newBoards(t, store)
		defer closeBoards(t, boards)
		id := must[manager.ID](t)(boards.CreateSession(background))
		done := make(chan struct{})
		var readers, wg sync.WaitGroup
		readers.Go(func() {
			for last := uint64(0); ; {
				s, err := boards.Session(background, id)
				if err != nil {
					t.Error(err)
				}
				if s.Version < last {
					t.Errorf("version %d after %d", s.Version, last)
				}
				last = s.Version
				for _, name := range names {
					if s.Fields[name] != s.Fields["goal"] {
						t.Errorf("version %d: %s is %q beside goal %q", s.Version, name, s.Fields[name], s.Fields["goal"])
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
		for w := range writers {
			wg.Go(func() {
				fields := map[string]string{}
				for n := range each {
					for _, name := range names {
						fields[name] = fmt.Sprint(w, ".", n)
					}
					if _, err := boards.UpdateSession(background, id, fields); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		close(done)
		readers.Wait()
		if s := peek(t, store, id); s.Version != writers*each {
			t.Errorf("version %d: want %d", s.Version, writers*each)
		}
	})
}

// A panic before the fields are written writes none of them.
func TestBrainstormingSurvivesPanics(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		fail := false
		boards, _ := newBoards(t, store, manager.WithWork(func() {
			if fail {
				panic("model gone")
			}
		}))
		defer closeBoards(t, boards)
		id := must[manager.ID](t)(boards.CreateSession(background))
		func() {
			fail = true
			defer func() {
				fail = false
				if got := recover(); got != "model gone" {
					t.Errorf("recovered %v: want the work's own panic", got)
				}
			}()
			_, _ = boards.UpdateSession(background, id, map[string]string{"goal": "lost", "owner": "lost"})
		}()
		if version := must[uint64](t)(boards.UpdateSession(background, id, map[string]string{"goal": "ship"})); version != 1 {
			t.Errorf("version %d: want 1", version)
		}
		s := must[manager.Session](t)(boards.Session(background, id))
		if diff := cmp.Diff(map[string]string{"goal": "ship"}, s.Fields); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	})
}

func TestBrainstormingWithoutSession(t *testing.T) {
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		boards, root := newBoards(t, store)
		defer closeBoards(t, boards)
		id := must[manager.ID](t)(boards.CreateSession(background))
		if err := boards.DeleteSession(background, id); err != nil {
			t.Fatal(err)
		}
		_, readErr := boards.Session(background, id)
		version, updateErr := boards.UpdateSession(background, id, map[string]string{"goal": "ship"})
		if version != 0 {
			t.Errorf("version %d: want none", version)
		}
		for what, err := range map[string]error{
			"Session":       readErr,
			"UpdateSession": updateErr,
			"DeleteSession": boards.DeleteSession(background, id),
		} {
			if !errors.Is(err, manager.ErrNotFound) {
				t.Errorf("%s: %v, want %v", what, err, manager.ErrNotFound)
			}
		}
		wantDirs(t, root)
	})
}

func TestBrainstormingTouchesWhenDue(t *testing.T) {
	const ttl = 10 * time.Minute
	overStores(t, func(t *testing.T, store manager.SessionStore[manager.Session]) {
		clock := newTestClock()
		boards, _ := newBoards(t, store, manager.WithTTL(ttl), manager.WithClock(clock.now))
		defer closeBoards(t, boards)
		id := must[manager.ID](t)(boards.CreateSession(background))
		for _, step := range []struct {
			why     string
			advance time.Duration
			version uint64
		}{
			{"a tenth of the time-to-live ago is not yet older than that", ttl / 10, 0},
			{"a nanosecond more is", 1, 1},
			{"just touched", 0, 1},
		} {
			clock.advance(step.advance)
			must[manager.Session](t)(boards.Session(background, id))
			if s := peek(t, store, id); s.Version != step.version {
				t.Errorf("%s: version %d, want %d", step.why, s.Version, step.version)
			}
		}
		clock.advance(time.Second)
		must[uint64](t)(boards.UpdateSession(background, id, nil))
		if s := peek(t, store, id); s.Touched != clock.at.UnixNano() || s.Version != 2 {
			t.Errorf("an update left the session at %+v", s)
		}
	})
}

func TestBrainstormingReadWhoseTouchFails(t *testing.T) {
	failure := errors.New("connection lost")
	for _, test := range []struct {
		why    string
		update error
		want   error
	}{
		{"the session has gone since: the read is as good as ever", manager.ErrNotFound, nil},
		{"anything else is the caller's to know", failure, failure},
	} {
		t.Run(test.why, func(t *testing.T) {
			clock := newTestClock()
			store := &stubStore{SessionStore: newMapStore(1)}
			boards, _ := newBoards(t, store, manager.WithTTL(time.Minute), manager.WithClock(clock.now))
			defer closeBoards(t, boards)
			id := must[manager.ID](t)(boards.CreateSession(background))
			must[uint64](t)(boards.UpdateSession(background, id, map[string]string{"goal": "ship"}))
			clock.advance(time.Hour)
			store.update = test.update
			s, err := boards.Session(background, id)
			if err != test.want || (err == nil) != (s.Fields["goal"] == "ship") {
				t.Errorf("session %+v, error %v: want %v", s, err, test.want)
			}
		})
	}
}

// What was swept is cleaned up after, whatever else went wrong, and every error is reported.
func TestBrainstormingExpiryReportsErrors(t *testing.T) {
	failure := errors.New("connection lost")
	var gone removals
	store := &stubStore{SessionStore: newMapStore(1), sweep: failure}
	boards, root := newBoards(t, store, manager.OnRemove(gone.note))
	for range 3 {
		must[manager.ID](t)(boards.CreateSession(background))
	}
	n, err := boards.ExpireIdle(background, 0)
	if n != 3 || !errors.Is(err, failure) || len(gone.last) != 3 {
		t.Errorf("%d sessions, %d handed over, error %v: want 3, 3 and %v", n, len(gone.last), err, failure)
	}
	wantDirs(t, root)
	store.sweep = nil
	closeBoards(t, boards)
}
