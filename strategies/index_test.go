package strategies

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/puzpuzpuz/xsync/v4"

	"github.com/sessbench/sessbench/manager"
)

// indexes is every index, each with ints for entries.
func indexes() map[string]index[int] {
	return map[string]index[int]{
		"per-session": newRWIndex[int](),
		"sync-map":    new(syncMapIndex[int]),
		"xsync":       xsyncIndex[int]{xsync.NewMap[manager.ID, *int]()},
	}
}

func TestIndex(t *testing.T) {
	for name, x := range indexes() {
		t.Run(name, func(t *testing.T) {
			id, a, b := uuid.New(), new(1), new(1)
			if got := x.load(id); got != nil {
				t.Fatalf("load from an empty index = %v: want nil", got)
			}
			x.remove(id, a) // nothing to remove
			if !x.insert(id, a) {
				t.Fatal("insert of a new id was refused")
			}
			if x.insert(id, b) || x.load(id) != a {
				t.Fatal("a second insert replaced the first")
			}
			if x.remove(id, b); x.load(id) != a {
				t.Fatal("remove took an entry that was not the one named, though equal to it")
			}
			if n := x.len(); n != 1 {
				t.Errorf("len = %d: want 1", n)
			}
			if x.remove(id, a); x.load(id) != nil || x.len() != 0 {
				t.Fatal("remove left the entry that it named")
			}
			if !x.insert(id, b) || x.load(id) != b {
				t.Fatal("the id cannot be used again")
			}
			if x.clear(); x.load(id) != nil || x.len() != 0 {
				t.Error("clear left an entry")
			}
			if !x.insert(id, a) {
				t.Error("insert after clear was refused")
			}
		})
	}
}

// The engine waits for sessions while it ranges and removes what it finds, so all must hold nothing meanwhile.
func TestIndexChangesDuringIteration(t *testing.T) {
	const n = 1000
	for name, x := range indexes() {
		t.Run(name, func(t *testing.T) {
			want, got := map[manager.ID]*int{}, map[manager.ID]*int{}
			for i := range n {
				id := uuid.New()
				want[id] = new(i)
				x.insert(id, want[id])
			}
			for id, e := range x.all() {
				if want[id] == nil {
					continue // inserted below, and found: that is allowed
				}
				if got[id] != nil {
					t.Fatalf("%v came twice", id)
				}
				got[id] = e
				x.remove(id, e)
				x.insert(uuid.New(), new(-1))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("what all yields (-want +got):\n%s", diff)
			}
			if x.len() != n {
				t.Errorf("len = %d: want %d", x.len(), n)
			}
			for range x.all() {
				break // must not yield on
			}
			if got := len(maps.Collect(x.all())); got != n {
				t.Errorf("all yields %d: want %d", got, n)
			}
		})
	}
}
