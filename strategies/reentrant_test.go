package strategies

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

func newReentrant(t *testing.T, sessions int) (*Reentrant[Probe], []manager.ID) {
	s, ids := NewReentrant[Probe](), make([]manager.ID, sessions)
	t.Cleanup(func() { s.Close() })
	for i := range ids {
		ids[i] = uuid.New()
		mustCreate(t, s, ids[i])
	}
	return s, ids
}

// held reports whether a session's lock is taken and how deep its owner is in it.
func held(s *Reentrant[Probe], id manager.ID) (taken bool, depth int32) {
	l := &s.index.load(id).l
	if l.mu.TryLock() {
		l.mu.Unlock()
		return false, l.depth
	}
	return true, l.depth
}

// The ctx of an inner fn proves the hold of every fn around it, and a ctx derived from it does, too.
func TestReentrantThroughAnotherSession(t *testing.T) {
	s, ids := newReentrant(t, 2)
	err := s.Update(t.Context(), ids[0], func(ctx context.Context, a *Probe) error {
		return s.View(ctx, ids[1], func(ctx context.Context, _ *Probe) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if err := s.Update(ctx, ids[0], increment); err != nil {
				return err
			}
			if a.N != 1 {
				t.Errorf("the outer fn sees count %d: want 1", a.N)
			}
			return s.Update(ctx, ids[1], increment)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if taken, depth := held(s, id); taken || depth != 0 {
			t.Errorf("a lock is left: taken %v, depth %d", taken, depth)
		}
		if last, err := s.Delete(t.Context(), id); last.N != 1 || err != nil {
			t.Errorf("Delete = %d, %v: want 1, nil", last.N, err)
		}
	}
}

// However a nested closure ends, the outer one still holds the session afterwards, and the session is free after that.
func TestReentrantNestedEndings(t *testing.T) {
	endings := map[string]func(){"return": func() {}, "panic": func() { panic("stop") }, "goexit": runtime.Goexit}
	for how, end := range endings {
		t.Run(how, func(t *testing.T) {
			s, ids := newReentrant(t, 1)
			var outer sync.WaitGroup
			outer.Go(func() {
				s.Update(context.Background(), ids[0], func(ctx context.Context, _ *Probe) error {
					defer func() {
						recover()
						if taken, depth := held(s, ids[0]); !taken || depth != 0 {
							t.Errorf("after the nested end: taken %v, depth %d: want true, 0", taken, depth)
						}
					}()
					return s.Update(ctx, ids[0], func(context.Context, *Probe) error { end(); return nil })
				})
			})
			outer.Wait()
			if taken, _ := held(s, ids[0]); taken {
				t.Error("the lock was kept")
			}
		})
	}
}

// What fn does to a session that it deleted is lost; the one made after under the same id is another, not held.
func TestReentrantNestedDeleteAndCreate(t *testing.T) {
	s, ids := newReentrant(t, 1)
	id := ids[0]
	err := s.Update(t.Context(), id, func(ctx context.Context, p *Probe) error {
		if _, err := s.Delete(ctx, id); err != nil {
			return err
		}
		p.N = 100
		mustCreate(t, s, id)
		if taken, _ := held(s, id); taken {
			t.Error("the new session is held by the old one's owner")
		}
		return s.Update(ctx, id, increment)
	})
	if last, _ := s.Delete(t.Context(), id); err != nil || last.N != 1 {
		t.Errorf("Update = %v, count %d: want nil, 1", err, last.N)
	}
}

func TestReentrantNestedSweep(t *testing.T) {
	s, ids := newReentrant(t, 3)
	err := s.Update(t.Context(), ids[0], func(ctx context.Context, _ *Probe) error {
		n, err := s.Sweep(ctx, always, nil)
		if n != 3 {
			t.Errorf("a nested Sweep removed %d: want 3", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if c := s.Census(); c != (manager.Census{}) {
		t.Errorf("census %+v: want nothing", c)
	}
}

// A ctx that fn kept is a ctx like any other: it carries the caller's values, and never opens a lock again, however many
// operations later.
func TestReentrantKeptCtx(t *testing.T) {
	s, ids := newReentrant(t, 1)
	type key struct{}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), key{}, "value"))
	defer cancel()
	var kept context.Context
	keep := func(ctx context.Context, _ *Probe) error { kept = ctx; return nil }
	if err := s.Update(ctx, ids[0], keep); err != nil {
		t.Fatal(err)
	}
	l := &s.index.load(ids[0]).l
	if kept.Value(l) != nil {
		t.Error("an fn that is over holds the lock")
	}
	for range 3 * slabSize {
		err := s.Update(ctx, ids[0], func(ctx context.Context, _ *Probe) error {
			if kept.Value(l) != nil {
				t.Error("an fn that is over holds the lock again")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := kept.Value(key{}); got != "value" {
		t.Errorf("the caller's value is %v", got)
	}
	var late sync.WaitGroup
	var inside atomic.Bool
	err := s.Update(ctx, ids[0], func(context.Context, *Probe) error {
		inside.Store(true)
		defer inside.Store(false)
		late.Go(func() {
			err := s.Update(kept, ids[0], func(context.Context, *Probe) error {
				if inside.Load() {
					t.Error("a kept ctx opened a session that another holds")
				}
				return nil
			})
			if err != nil {
				t.Errorf("an update with a kept ctx: %v", err)
			}
		})
		for range 1000 {
			runtime.Gosched()
		}
		return nil
	})
	if late.Wait(); err != nil {
		t.Error(err)
	}
	if cancel(); kept.Err() != context.Canceled {
		t.Errorf("kept.Err() = %v after the caller's ctx ended", kept.Err())
	}
}

// countingCtx counts how often its values are searched.
type countingCtx struct {
	context.Context
	searched int
}

func (c *countingCtx) Value(key any) any { c.searched++; return c.Context.Value(key) }

func TestReentrantFreeLockSearchesNoValues(t *testing.T) {
	s, ids := newReentrant(t, 2)
	ctx := &countingCtx{Context: t.Context()}
	err := s.Update(ctx, ids[0], func(inner context.Context, _ *Probe) error {
		if err := s.Update(inner, ids[1], increment); err != nil { // another session, free as well
			return err
		}
		if ctx.searched > 0 {
			t.Errorf("the values were searched %d times to take free locks", ctx.searched)
		}
		return s.Update(inner, ids[0], increment)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A ctx may be read by other goroutines, and two of them may each use it for a session of their own.
func TestReentrantKeptCtxOnManyGoroutines(t *testing.T) {
	s, ids := newReentrant(t, 2)
	var kept context.Context
	if err := s.Update(t.Context(), ids[0], func(ctx context.Context, _ *Probe) error { kept = ctx; return nil }); err != nil {
		t.Fatal(err)
	}
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for range 200 {
				if err := s.Update(kept, ids[i%2], increment); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
	for _, id := range ids {
		if last, _ := s.Delete(t.Context(), id); last.N != 800 {
			t.Errorf("count %d: want 800", last.N)
		}
	}
}

// A nested operation that comes after Close is refused and does not wait for the Close that waits for its own fn.
func TestReentrantNestedUseUnderClose(t *testing.T) {
	s, ids := newReentrant(t, 1)
	closed := make(chan struct{})
	err := s.Update(t.Context(), ids[0], func(ctx context.Context, _ *Probe) error {
		go func() { s.Close(); close(closed) }()
		for {
			if err := s.Update(ctx, ids[0], increment); err != nil {
				return err
			}
			runtime.Gosched()
		}
	})
	if err != manager.ErrClosed {
		t.Errorf("a nested update under Close gave %v: want ErrClosed", err)
	}
	<-closed
}
