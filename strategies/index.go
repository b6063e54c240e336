package strategies

import (
	"iter"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// index maps ids to entries. Its methods are safe for concurrent use and never wait for a session: the locks of an index are
// released before a method returns or yields.
//
// remove compares the entry, because between a look-up and a removal the session may have been removed and created again under
// the same id, and the new entry must stay.
type index[E any] interface {
	load(id manager.ID) *E           // nil if there is none
	insert(id manager.ID, e *E) bool // false, without effect, if the id has an entry
	remove(id manager.ID, e *E)      // removes id if its entry is e
	all() iter.Seq2[manager.ID, *E]  // every entry present throughout the call, each at most once; perhaps others
	len() int                        // exact while no operation runs
	clear()                          // forgets every entry
}

// rwIndex is a map under an RWMutex.
type rwIndex[E any] struct {
	mu      sync.RWMutex // protects entries; held for a look-up or a change, never while a session is used
	entries map[manager.ID]*E
}

func newRWIndex[E any]() *rwIndex[E] { return &rwIndex[E]{entries: make(map[manager.ID]*E)} }

func (x *rwIndex[E]) load(id manager.ID) *E {
	x.mu.RLock()
	e := x.entries[id]
	x.mu.RUnlock()
	return e
}

func (x *rwIndex[E]) insert(id manager.ID, e *E) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, taken := x.entries[id]; taken {
		return false
	}
	x.entries[id] = e
	return true
}

func (x *rwIndex[E]) remove(id manager.ID, e *E) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.entries[id] == e {
		delete(x.entries, id)
	}
}

// all yields from a copy, because ranging over the map needs the lock and the caller waits for sessions meanwhile.
func (x *rwIndex[E]) all() iter.Seq2[manager.ID, *E] {
	type pair struct {
		id manager.ID
		e  *E
	}
	return func(yield func(manager.ID, *E) bool) {
		x.mu.RLock()
		pairs := make([]pair, 0, len(x.entries))
		for id, e := range x.entries {
			pairs = append(pairs, pair{id, e})
		}
		x.mu.RUnlock()
		for _, p := range pairs {
			if !yield(p.id, p.e) {
				return
			}
		}
	}
}

func (x *rwIndex[E]) len() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.entries)
}

// clear allocates a new map, because an emptied one keeps its memory.
func (x *rwIndex[E]) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries = make(map[manager.ID]*E)
}
