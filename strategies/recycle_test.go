package strategies

import (
	"context"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// A replaced state becomes ready once each stripe has been seen without another operation, not necessarily all at one time.
func TestBinWaitsForEachStripe(t *testing.T) {
	g, b := newGate(), new(bin[Probe])
	own, first, last := &g.stripes[0], &g.stripes[1], &g.stripes[len(g.stripes)-1]
	old := map[*Probe]bool{}
	for range binSize {
		p := new(Probe)
		old[p] = true
		b.addReplaced(p)
	}
	own.inside.Add(1)
	first.inside.Add(1)
	last.inside.Add(1)
	steps := []struct {
		why    string
		change func()
		reused bool
	}{
		{"operations are in two other stripes", func() {}, false},
		{"one is left", func() { first.inside.Add(-1) }, false},
		{"a new one is in a stripe that has been empty", func() { first.inside.Add(1) }, false},
		{"the last that was inside has left, another is in the caller's stripe", func() { last.inside.Add(-1) }, true},
	}
	for _, step := range steps {
		step.change()
		if p := b.take(g, own); old[p] != step.reused {
			t.Errorf("%s: reused %v: want %v", step.why, old[p], step.reused)
		}
	}
	b = new(bin[Probe])
	for range binSize {
		b.addReplaced(new(Probe))
	}
	first.inside.Add(-1)
	own.inside.Add(1)
	if b.unused(g, own) {
		t.Error("another operation is in the caller's stripe, and the states are unused")
	}
}

func TestBinKeepsFewStates(t *testing.T) {
	b := new(bin[Probe])
	for range 3 * binSize {
		b.addReady(new(Probe))
		b.addReplaced(new(Probe))
	}
	if len(b.ready) != binSize || len(b.replaced) != binSize {
		t.Errorf("%d states are ready, %d replaced: want %d each", len(b.ready), len(b.replaced), binSize)
	}
}

// What a closure sees does not change while it runs, however many updates there are meanwhile, of this session or others, on this
// goroutine or others.
func TestCOWStateInUseIsNotOverwritten(t *testing.T) {
	s, id := newCOW(t)
	ctx := context.Background()
	updates := func() {
		for range 10 * binSize {
			if err := s.Update(ctx, id, increment); err != nil {
				t.Error(err)
			}
		}
	}
	updates()
	var last int64 = 10 * binSize
	uses := map[string]func(read func(*Probe)) error{
		"view": func(read func(*Probe)) error {
			return s.View(ctx, id, func(_ context.Context, p *Probe) error { read(p); return nil })
		},
		"get-or-create": func(read func(*Probe)) error {
			_, err := s.GetOrCreate(ctx, id, newProbe, read)
			return err
		},
		"sweep": func(read func(*Probe)) error {
			_, err := s.Sweep(ctx, func(_ manager.ID, p *Probe) bool { read(p); return false }, nil)
			return err
		},
	}
	for name, use := range uses {
		err := use(func(p *Probe) {
			updates()
			done := make(chan struct{})
			go func() { updates(); close(done) }()
			<-done
			if p.N != last {
				t.Errorf("%s: count %d after updates: want %d", name, p.N, last)
			}
		})
		if err != nil {
			t.Error(err)
		}
		last += 20 * binSize
	}
}
