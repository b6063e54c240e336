package strategies

import (
	"context"
	"errors"
	"testing"
	"unsafe"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

// engines opens every strategy that is an engine with a mutex, and gives the engine beside the store.
func engines() map[string]func() (manager.SessionStore[Probe], *mutexEngine[Probe]) {
	return map[string]func() (manager.SessionStore[Probe], *mutexEngine[Probe]){
		"per-session": func() (manager.SessionStore[Probe], *mutexEngine[Probe]) {
			s := NewPerSession[Probe]()
			return s, &s.mutexEngine
		},
		"sync-map": func() (manager.SessionStore[Probe], *mutexEngine[Probe]) {
			s := NewSyncMap[Probe]()
			return s, &s.mutexEngine
		},
		"xsync": func() (manager.SessionStore[Probe], *mutexEngine[Probe]) {
			s := NewXsync[Probe]()
			return s, &s.mutexEngine
		},
	}
}

func newProbe() Probe                             { return Probe{} }
func increment(_ context.Context, p *Probe) error { p.N++; return nil }
func forbidden(t *testing.T) func(*Probe)         { return func(*Probe) { t.Error("a closure ran") } }
func always(manager.ID, *Probe) bool              { return true }
func mustCreate(t *testing.T, s manager.SessionStore[Probe], id manager.ID) {
	t.Helper()
	if created, err := s.GetOrCreate(t.Context(), id, newProbe, nil); !created || err != nil {
		t.Fatalf("GetOrCreate = %v, %v: want true, nil", created, err)
	}
}

func TestEntryOfASessionIsOneCacheLine(t *testing.T) {
	if got := unsafe.Sizeof(mutexEntry[manager.Session]{}); got != 64 {
		t.Errorf("an entry is %d bytes: want 64", got)
	}
}

// Whoever gets the lock of an entry between the dead mark and the removal from the index must act as if the removal
// had happened, and must not remove the incarnation that comes after.
func TestDeadEntryStillInTheIndex(t *testing.T) {
	tests := []struct {
		why string
		act func(s manager.SessionStore[Probe], id manager.ID) error
		err error
		n   int // sessions afterwards
	}{
		{"an update finds nothing", func(s manager.SessionStore[Probe], id manager.ID) error {
			return s.Update(t.Context(), id, increment)
		}, manager.ErrNotFound, 0},
		{"a view finds nothing", func(s manager.SessionStore[Probe], id manager.ID) error {
			return s.View(t.Context(), id, increment)
		}, manager.ErrNotFound, 0},
		{"a delete finds nothing", func(s manager.SessionStore[Probe], id manager.ID) error {
			_, err := s.Delete(t.Context(), id)
			return err
		}, manager.ErrNotFound, 0},
		{"get-or-create creates", func(s manager.SessionStore[Probe], id manager.ID) error {
			created, err := s.GetOrCreate(t.Context(), id, newProbe, nil)
			if !created {
				return errors.New("not created")
			}
			return err
		}, nil, 1},
	}
	for name, open := range engines() {
		for _, test := range tests {
			t.Run(name+"/"+test.why, func(t *testing.T) {
				s, engine := open()
				defer s.Close()
				id := uuid.New()
				mustCreate(t, s, id)
				old := engine.index.load(id)
				old.dead = true // a Delete up to its last step
				if err := test.act(s, id); err != test.err {
					t.Errorf("error %v: want %v", err, test.err)
				}
				engine.index.remove(id, old) // the Delete's last step
				if n, _ := s.Len(t.Context()); n != test.n {
					t.Errorf("%d sessions: want %d", n, test.n)
				}
			})
		}
	}
}

func TestSweepPassesOverDeadEntries(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			s, engine := open()
			defer s.Close()
			id := uuid.New()
			mustCreate(t, s, id)
			engine.index.load(id).dead = true
			n, err := s.Sweep(t.Context(), always, func(manager.ID, Probe) { t.Error("removed a second time") })
			if n != 0 || err != nil {
				t.Errorf("Sweep = %d, %v: want 0, nil", n, err)
			}
		})
	}
}

// meddledIndex does something else just before an insertion or just before a look-up.
type meddledIndex struct {
	index[mutexEntry[Probe]]
	beforeInsert, beforeLoad func()
}

func (x *meddledIndex) insert(id manager.ID, e *mutexEntry[Probe]) bool {
	x.beforeInsert()
	return x.index.insert(id, e)
}

func (x *meddledIndex) load(id manager.ID) *mutexEntry[Probe] {
	x.beforeLoad()
	return x.index.load(id)
}

func TestInsertionThatRacesWithClose(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			s, engine := open()
			honest := engine.index
			engine.index = &meddledIndex{honest, func() { s.Close() }, func() {}}
			created, err := s.GetOrCreate(t.Context(), uuid.New(), newProbe, forbidden(t))
			if created || err != manager.ErrClosed {
				t.Errorf("GetOrCreate = %v, %v: want false, ErrClosed", created, err)
			}
			if n := honest.len(); n != 0 {
				t.Errorf("the closed store keeps %d sessions", n)
			}
		})
	}
}

func TestLookUpThatRacesWithClose(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			s, engine := open()
			id := uuid.New()
			mustCreate(t, s, id)
			engine.index = &meddledIndex{engine.index, func() {}, func() { s.Close() }}
			// A session that was not deleted must not be reported as not found because Close emptied the index.
			if _, err := s.Delete(t.Context(), id); err != manager.ErrClosed {
				t.Errorf("Delete: %v: want ErrClosed", err)
			}
		})
	}
}

func TestSecondInsertion(t *testing.T) {
	for name, open := range engines() {
		t.Run(name, func(t *testing.T) {
			s, engine := open()
			defer s.Close()
			id := uuid.New()
			first := &mutexEntry[Probe]{val: Probe{N: 7}}
			honest := engine.index
			engine.index = &meddledIndex{honest, func() { honest.insert(id, first) }, func() {}}
			var seen int64
			created, err := s.GetOrCreate(t.Context(), id, newProbe, func(p *Probe) { seen = p.N })
			if created || err != nil || seen != 7 {
				t.Errorf("GetOrCreate = %v, %v and showed %d: want false, nil and 7", created, err, seen)
			}
		})
	}
}
