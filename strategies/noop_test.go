package strategies

import (
	"testing"
	"unsafe"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

func TestNoopGivesEachUserADummy(t *testing.T) {
	var probe any = newNoop(func() Probe { return Probe{N: 10} })
	open, ok := probe.(PerUser[Probe])
	if !ok {
		t.Fatal("noop is not PerUser")
	}
	a, b, ctx := open.User(), open.User(), t.Context()
	for range 3 {
		if err := a.Update(ctx, uuid.New(), increment); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[manager.SessionStore[Probe]]int64{a: 13, b: 10} {
		if last, err := user.Delete(ctx, uuid.New()); last.N != want || err != nil {
			t.Errorf("Delete = %d, %v: want %d, nil", last.N, err, want)
		}
		var seen int64
		created, err := user.GetOrCreate(ctx, uuid.New(), newProbe, func(p *Probe) { seen = p.N })
		if !created || err != nil || seen != want {
			t.Errorf("GetOrCreate = %v, %v and showed %d: want true, nil and %d", created, err, seen, want)
		}
		if n, err := user.Sweep(ctx, always, nil); n != 0 || err != nil {
			t.Errorf("Sweep = %d, %v: want 0, nil", n, err)
		}
	}
}

func TestNoopDummiesShareNoPairOfCacheLines(t *testing.T) {
	var s noop[manager.Session]
	before := unsafe.Offsetof(s.dummy)
	after := unsafe.Sizeof(s) - before - unsafe.Sizeof(s.dummy)
	if before < 128 || after < 128 {
		t.Errorf("%d bytes before the dummy and %d after it: want 128 or more", before, after)
	}
}
