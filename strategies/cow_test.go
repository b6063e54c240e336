package strategies

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

func look(context.Context, *Probe) error { return nil }

func copyProbe(from, to *Probe) { *to = *from }

func newCOW(t *testing.T) (*COW[Probe], manager.ID) {
	s, id := NewCOW(copyProbe), uuid.New()
	t.Cleanup(func() { s.Close() })
	mustCreate(t, s, id)
	return s, id
}

// A nested update is an update like any other: the outer one meets a conflict and runs again on what it left.
func TestCOWNestedUpdateIsAConflict(t *testing.T) {
	s, id := newCOW(t)
	runs := 0
	err := s.Update(t.Context(), id, func(ctx context.Context, p *Probe) error {
		if runs++; runs == 1 {
			if err := s.Update(ctx, id, func(_ context.Context, p *Probe) error { p.N += 10; return nil }); err != nil {
				return err
			}
		}
		p.N++
		return nil
	})
	last, _ := s.Delete(t.Context(), id)
	if err != nil || runs != 2 || last.N != 11 {
		t.Errorf("Update = %v after %d runs, count %d: want nil, 2, 11", err, runs, last.N)
	}
}

func TestCOWNestedUpdateInEachRunEndsWithCtx(t *testing.T) {
	s, id := newCOW(t)
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err := s.Update(ctx, id, func(_ context.Context, p *Probe) error {
		if runs++; runs == 100 {
			cancel()
		}
		return s.Update(context.Background(), id, increment)
	})
	if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.Canceled) || runs != 100 {
		t.Errorf("Update = %v after %d runs: want it to end with its ctx after 100", err, runs)
	}
}

func TestCOWNestedDelete(t *testing.T) {
	s, id := newCOW(t)
	err := s.Update(t.Context(), id, func(ctx context.Context, p *Probe) error {
		p.N++
		last, err := s.Delete(ctx, id)
		if last.N != 0 {
			t.Errorf("Delete handed over count %d, which was not there yet", last.N)
		}
		return err
	})
	if err != manager.ErrNotFound {
		t.Errorf("Update = %v: want ErrNotFound", err)
	}
}

// What a reader holds shares nothing with what others get to change.
func TestCOWReadersKeepTheirState(t *testing.T) {
	type fields = map[string]string
	s := NewCOW(func(from, to *fields) { *to = maps.Clone(*from) })
	defer s.Close()
	ctx, id := t.Context(), uuid.New()
	if _, err := s.GetOrCreate(ctx, id, func() fields { return fields{"a": "1"} }, nil); err != nil {
		t.Fatal(err)
	}
	set := func(_ context.Context, f *fields) error { (*f)["a"] = "2"; return nil }
	err := s.View(ctx, id, func(ctx context.Context, before *fields) error {
		if err := s.Update(ctx, id, set); err != nil {
			return err
		}
		return s.View(ctx, id, func(ctx context.Context, after *fields) error {
			last, err := s.Delete(ctx, id)
			if err != nil {
				return err
			}
			last["a"] = "3"
			if (*before)["a"] != "1" || (*after)["a"] != "2" {
				t.Errorf("before %v, after %v: want 1 and 2", *before, *after)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetOrCreate(ctx, id, func() fields { return fields{} }, nil); err != nil {
		t.Fatal(err)
	}
	err = s.View(ctx, id, func(ctx context.Context, before *fields) error {
		_, err := s.Sweep(ctx, func(manager.ID, *fields) bool { return true },
			func(_ manager.ID, last fields) { last["a"] = "4" })
		if len(*before) != 0 {
			t.Errorf("what Sweep handed over is what a reader sees: %v", *before)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A verdict holds for the state it was asked about only.
func TestCOWSweepRetriesAfterAConflict(t *testing.T) {
	s, id := newCOW(t)
	asked := []int64{}
	n, err := s.Sweep(t.Context(), func(_ manager.ID, p *Probe) bool {
		asked = append(asked, p.N)
		if p.N == 0 {
			s.cells.load(id).state.Store(&Probe{N: 1}) // as an update on another goroutine would
		}
		return p.N == 0
	}, func(manager.ID, Probe) { t.Error("a session touched in between was removed") })
	if n != 0 || err != nil || len(asked) != 2 {
		t.Errorf("Sweep = %d, %v, asked about %v: want 0, nil, [0 1]", n, err, asked)
	}
}

// Between the killing of a cell and its removal from the index others must act as if it were removed.
func TestCOWDeadCellStillInTheIndex(t *testing.T) {
	tests := []struct {
		why string
		act func(s *COW[Probe], id manager.ID) error
		err error
		n   int // sessions afterwards
	}{
		{"an update finds nothing", func(s *COW[Probe], id manager.ID) error {
			return s.Update(t.Context(), id, increment)
		}, manager.ErrNotFound, 0},
		{"a reader finds nothing", func(s *COW[Probe], id manager.ID) error {
			return s.View(t.Context(), id, look)
		}, manager.ErrNotFound, 0},
		{"there is nothing left to delete", func(s *COW[Probe], id manager.ID) error {
			_, err := s.Delete(t.Context(), id)
			return err
		}, manager.ErrNotFound, 0},
		{"a creator makes the next life", func(s *COW[Probe], id manager.ID) error {
			created, err := s.GetOrCreate(t.Context(), id, newProbe, nil)
			if !created {
				t.Error("not created")
			}
			return err
		}, nil, 1},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s, id := newCOW(t)
			s.cells.load(id).state.Store(nil)
			if err := test.act(s, id); err != test.err {
				t.Errorf("got %v: want %v", err, test.err)
			}
			if n := s.Census().Sessions; n != test.n {
				t.Errorf("%d sessions: want %d", n, test.n)
			}
		})
	}
}

// An update that runs when Close comes is waited for through all its tries.
func TestCOWCloseWaitsForRetries(t *testing.T) {
	s, id := newCOW(t)
	began, free, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	result := make(chan error)
	runs := 0
	go func() {
		result <- s.Update(context.Background(), id, func(context.Context, *Probe) error {
			if runs++; runs == 1 {
				close(began)
				<-free
				s.cells.load(id).state.Store(&Probe{N: 1}) // a conflict
			}
			return nil
		})
	}()
	<-began
	go func() { s.Close(); close(closed) }()
	for s.View(context.Background(), id, look) == nil { // until Close has begun
	}
	close(free)
	if err := <-result; err != nil || runs != 2 {
		t.Errorf("Update = %v after %d runs: want nil, 2", err, runs)
	}
	<-closed
}
