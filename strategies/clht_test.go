package strategies

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

func TestCLHTLinesAreCacheLines(t *testing.T) {
	if got := unsafe.Sizeof(clhtEntry[manager.Session]{}); got != 64 {
		t.Errorf("an entry is %d bytes: want 64", got)
	}
	if got := unsafe.Sizeof(clhtBucket[manager.Session]{}); got != 64 {
		t.Errorf("a bucket is %d bytes: want 64", got)
	}
	for n := clhtMinBuckets; n <= 1<<16; n *= 2 {
		if at := uintptr(unsafe.Pointer(&newCLHTBuckets[int](n).buckets[0])); at%64 != 0 {
			t.Errorf("%d buckets begin %d bytes after the start of a line", n, at%64)
		}
	}
}

// wordID returns an id of two words.
func wordID(high, low uint64) (id manager.ID) {
	binary.LittleEndian.PutUint64(id[:8], high)
	binary.LittleEndian.PutUint64(id[8:], low)
	return id
}

// hashing is a kind of ids, with keys of the hash function; nil: random ones.
type hashing struct {
	why  string
	id   func(i uint64) manager.ID
	keys *[2]uint64
}

// hashings are ids that a table has to tell apart, and some whose hashes are all the same.
func hashings() []hashing {
	return []hashing{
		{"random ids", func(uint64) manager.ID { return uuid.New() }, nil},
		{"ids that differ in their last bytes", func(i uint64) manager.ID { return wordID(7, i<<40) }, nil},
		{"ids that differ in their first bytes", func(i uint64) manager.ID { return wordID(i, 7) }, nil},
		{"one hash and one second half", func(i uint64) manager.ID { return wordID(i, 0) }, new([2]uint64)},
		{"one hash and one first half", func(i uint64) manager.ID { return wordID(0, i) }, new([2]uint64)},
	}
}

func (h *hashing) table() *clhtTable[int] {
	x := new(clhtTable[int])
	if x.init(); h.keys != nil {
		x.keys = *h.keys
	}
	return x
}

// resizeTo begins a move to n buckets.
func (t *clhtTable[T]) resizeTo(n int) { t.begin(t.buckets.Load(), n) }

// TestCLHTTable compares a table with a map, while the entries move to more buckets and to fewer.
func TestCLHTTable(t *testing.T) {
	for _, h := range hashings() {
		t.Run(h.why, func(t *testing.T) {
			x, want := h.table(), map[manager.ID]*clhtEntry[int]{}
			rng := rand.New(rand.NewPCG(1, 2))
			ids := make([]manager.ID, 200)
			for i := range ids {
				ids[i] = h.id(uint64(i))
			}
			for range 30_000 {
				id := ids[rng.IntN(len(ids))]
				high, low := halves(&id)
				switch at := rng.IntN(40); {
				case at == 0:
					x.resizeTo(clhtMinBuckets << rng.IntN(3))
				case at < 20:
					e := &clhtEntry[int]{high: high}
					if inserted := x.insert(low, e); inserted != (want[id] == nil) {
						t.Fatalf("insert = %v, and the id has %v", inserted, want[id])
					} else if inserted {
						want[id] = e
					}
				case at < 39:
					x.remove(low, new(clhtEntry[int])) // another one: no effect
					if e := want[id]; e != nil {
						x.remove(low, e)
						delete(want, id)
					}
				default:
					got := map[manager.ID]*clhtEntry[int]{}
					for id, e := range x.all() {
						if got[id] != nil {
							t.Fatalf("%v came twice", id)
						}
						got[id] = e
					}
					if !maps.Equal(got, want) {
						t.Fatalf("all yields %d entries, want %d, or others", len(got), len(want))
					}
				}
				slot, e := x.find(high, low)
				if e != want[id] || e != nil && slot.entry.Load() != e {
					t.Fatalf("find = %p: want %p", e, want[id])
				}
				if n := x.len(); n != len(want) {
					t.Fatalf("len = %d: want %d", n, len(want))
				}
			}
		})
	}
}

// Goroutines that use ids of their own always find what they have put in, and nothing else, whatever the others do.
func TestCLHTTableConcurrently(t *testing.T) {
	const users = 8
	for _, h := range hashings() {
		own := 2000
		switch {
		case h.keys != nil:
			own = 20 // all in one list
		case testing.Short():
			own = 300
		}
		t.Run(h.why, func(t *testing.T) {
			x := h.table()
			var work sync.WaitGroup
			for user := range users {
				work.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(user), 3))
					ids, entries := make([]manager.ID, own), make([]*clhtEntry[int], own)
					for i := range ids {
						ids[i] = h.id(uint64(i*users + user))
					}
					for range 5 {
						for _, i := range rng.Perm(own) {
							high, low := halves(&ids[i])
							entries[i] = &clhtEntry[int]{high: high, val: 1 + i*users + user}
							if !x.insert(low, entries[i]) {
								t.Errorf("user %d: the id has an entry", user)
							}
							if rng.IntN(100) == 0 {
								x.resizeTo(clhtMinBuckets << rng.IntN(4))
							}
							j := rng.IntN(own)
							high, low = halves(&ids[j])
							if _, e := x.find(high, low); e != entries[j] {
								t.Errorf("user %d: find = %p: want %p", user, e, entries[j])
							}
						}
						seen := 0
						for id, e := range x.all() {
							if i := e.val - 1; i%users == user && id == ids[i/users] {
								seen++
							}
						}
						if seen != own {
							t.Errorf("user %d: all yields %d of %d entries", user, seen, own)
						}
						for _, i := range rng.Perm(own) {
							high, low := halves(&ids[i])
							x.remove(low, entries[i])
							entries[i] = nil
							if _, e := x.find(high, low); e != nil {
								t.Errorf("user %d: find = %p after the removal", user, e)
							}
						}
					}
				})
			}
			work.Wait()
			if n := x.len(); n != 0 {
				t.Errorf("%d entries are left", n)
			}
		})
	}
}

// An iteration beside moves, insertions and removals yields all that stays, each once.
func TestCLHTIterationDuringMoves(t *testing.T) {
	x := new(clhtTable[int])
	x.init()
	stay := map[manager.ID]bool{}
	for range 3000 {
		id := uuid.New()
		high, low := halves(&id)
		x.insert(low, &clhtEntry[int]{high: high})
		stay[id] = true
	}
	stop := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			id := uuid.New()
			high, low := halves(&id)
			e := &clhtEntry[int]{high: high}
			x.insert(low, e)
			x.remove(low, e)
			x.resizeTo(clhtMinBuckets << (i % 4))
		}
	})
	for range 50 {
		seen := map[manager.ID]int{}
		for id := range x.all() {
			seen[id]++
		}
		for id, n := range seen {
			if n > 1 {
				t.Fatalf("%v came %d times", id, n)
			}
		}
		for id := range stay {
			if seen[id] == 0 {
				t.Fatalf("%v did not come", id)
			}
		}
	}
	close(stop)
	work.Wait()
}

// waitingUpdate starts an update of a session whose lock is held, and returns once it has found the entry. The channel receives its error.
func waitingUpdate(t *testing.T, s *CLHT[Probe], id manager.ID) <-chan error {
	asked, done := make(chan struct{}), make(chan error)
	ctx := manager.ObserveLock(t.Context(), sync.OnceFunc(func() { close(asked) }), func() {})
	go func() { done <- s.Update(ctx, id, increment) }()
	<-asked
	return done
}

// An operation that waits for a session while its entry moves goes on with that session.
func TestCLHTWaitsAcrossAMove(t *testing.T) {
	s := NewCLHT[Probe]()
	defer s.Close()
	id := uuid.New()
	mustCreate(t, s, id)
	high, low := halves(&id)
	e, err := s.hold(t.Context(), high, low)
	if err != nil {
		t.Fatal(err)
	}
	done := waitingUpdate(t, s, id)
	old, _ := s.table.find(high, low)
	s.table.resizeTo(2 * clhtMinBuckets)
	s.table.finish(s.table.buckets.Load())
	if old.entry.Load() != nil {
		t.Error("the entry has not moved")
	}
	e.mu.Unlock()
	if err := <-done; err != nil || e.val.N != 1 {
		t.Errorf("Update = %v, and the session was updated %d times: want nil, once", err, e.val.N)
	}
}

// An operation that waits for a session while it is removed, and created again, uses the new one.
func TestCLHTWaitsAcrossARemoval(t *testing.T) {
	s := NewCLHT[Probe]()
	defer s.Close()
	id := uuid.New()
	mustCreate(t, s, id)
	high, low := halves(&id)
	old, err := s.hold(t.Context(), high, low)
	if err != nil {
		t.Fatal(err)
	}
	done := waitingUpdate(t, s, id)
	s.table.remove(low, old) // a Delete up to its last step
	mustCreate(t, s, id)
	old.mu.Unlock()
	if err := <-done; err != nil || old.val.N != 0 {
		t.Errorf("Update = %v, and the removed session was updated %d times: want nil, never", err, old.val.N)
	}
	if err := s.View(t.Context(), id, func(_ context.Context, p *Probe) error {
		if p.N != 1 {
			t.Errorf("the new session was updated %d times: want once", p.N)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestCLHTSweepPassesOverRemovedEntries(t *testing.T) {
	s := NewCLHT[Probe]()
	defer s.Close()
	id := uuid.New()
	mustCreate(t, s, id)
	high, low := halves(&id)
	_, e := s.table.find(high, low)
	s.table.remove(low, e)
	if _, gone, err := s.expire(t.Context(), id, e, always); gone || err != nil {
		t.Errorf("expire = %v, %v: want false, nil", gone, err)
	}
}

func TestCLHTInsertionThatRacesWithClose(t *testing.T) {
	s := NewCLHT[Probe]()
	s.closed.Store(true) // Close after it has emptied the table
	high, low := halves(new(uuid.New()))
	created, err := s.insert(t.Context(), low, &clhtEntry[Probe]{high: high}, forbidden(t))
	if created || err != manager.ErrClosed {
		t.Errorf("insert = %v, %v: want false, ErrClosed", created, err)
	}
	if n := s.table.len(); n != 0 {
		t.Errorf("the closed store keeps %d sessions", n)
	}
	// A session that was not deleted must not be reported as not found because Close emptied the table.
	if _, err := s.hold(t.Context(), high, low); err != manager.ErrClosed {
		t.Errorf("hold: %v: want ErrClosed", err)
	}
}

// footprint returns the number of buckets, those in lists included.
func (t *clhtTable[T]) footprint() (n int) {
	for bs := t.buckets.Load(); bs != nil; bs = bs.next.Load() {
		for i := range bs.buckets {
			for b := &bs.buckets[i]; b != nil && b != bs.moved; b = b.next.Load() {
				n++
			}
		}
	}
	return n
}

// A table does not grow with the number of sessions that there have been.
func TestCLHTChurnLeavesNothing(t *testing.T) {
	s := NewCLHT[int]()
	defer s.Close()
	const sessions = 4000
	var live []manager.ID
	create := func() {
		id := uuid.New()
		if _, err := s.GetOrCreate(t.Context(), id, func() int { return 0 }, nil); err != nil {
			t.Fatal(err)
		}
		live = append(live, id)
	}
	for range sessions {
		create()
	}
	s.table.finish(s.table.buckets.Load())
	before := s.table.footprint()
	rng := rand.New(rand.NewPCG(4, 5))
	for range 50 * sessions {
		i := rng.IntN(len(live))
		if _, err := s.Delete(t.Context(), live[i]); err != nil {
			t.Fatal(err)
		}
		live[i] = live[len(live)-1]
		live = live[:len(live)-1]
		create()
	}
	if after := s.table.footprint(); after > before*5/4 {
		t.Errorf("%d buckets after %d sessions, %d after %d", before, sessions, after, 51*sessions)
	}
}

func TestCLHTReturnsMemory(t *testing.T) {
	for _, remove := range []struct {
		how string
		all func(s *CLHT[int], ids []manager.ID)
	}{
		{"a sweep", func(s *CLHT[int], _ []manager.ID) {
			_, _ = s.Sweep(t.Context(), func(manager.ID, *int) bool { return true }, nil)
		}},
		{"deletions", func(s *CLHT[int], ids []manager.ID) {
			for _, id := range ids {
				_, _ = s.Delete(t.Context(), id)
			}
		}},
		{"Close", func(s *CLHT[int], _ []manager.ID) { s.Close() }},
	} {
		t.Run(remove.how, func(t *testing.T) {
			s := NewCLHT[int]()
			defer s.Close()
			ids := make([]manager.ID, 50_000)
			for i := range ids {
				ids[i] = uuid.New()
				_, _ = s.GetOrCreate(t.Context(), ids[i], func() int { return 0 }, nil)
			}
			if n := s.table.footprint(); n < len(ids)/3 {
				t.Fatalf("%d sessions in %d buckets", len(ids), n)
			}
			remove.all(s, ids)
			if n := s.table.footprint(); n > 8*clhtMinBuckets || s.table.len() != 0 {
				t.Errorf("%d buckets and %d sessions are left", n, s.table.len())
			}
		})
	}
}

// Ids that other systems choose are spread over the buckets, too, whatever the keys of the hash are.
func TestCLHTSpreadsIDs(t *testing.T) {
	for _, h := range hashings() {
		if h.keys != nil {
			continue
		}
		for range 100 {
			x := h.table()
			const n = 200
			for i := range uint64(n) {
				id := h.id(i)
				high, low := halves(&id)
				x.insert(low, &clhtEntry[int]{high: high})
			}
			if more := x.footprint() - clhtMinBuckets; more > n/20 { // 0.2 % are expected
				t.Fatalf("%s: %d of them need %d more buckets than there are", h.why, n, more)
			}
		}
	}
}
