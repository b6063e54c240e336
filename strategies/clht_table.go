package strategies

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// clhtEntry is one incarnation of a session with its lock. It is live while a slot of the table holds it.
//
// With a [manager.Session] it is 64 bytes, one cache line.
type clhtEntry[T any] struct {
	mu   sync.Mutex // protects val; held while a closure runs, and by the goroutine that removes the entry from the table
	high uint64     // the first half of the id; slots have the second
	val  T
}

// clhtSlots is the number of slots in a bucket.
const clhtSlots = 3

// clhtBucket is one cache line of the table. Buckets that need more slots have a list of others.
type clhtBucket[T any] struct {
	slots [clhtSlots]clhtSlot[T]
	next  atomic.Pointer[clhtBucket[T]]
	mu    sync.Mutex // held to change slots and next, of the buckets in the list too; not to read them
}

// clhtSlot has an entry and half of its id. An entry is put into a slot only once, so that a slot which has an entry at two times
// had it, and this half, all the while in between.
type clhtSlot[T any] struct {
	low   atomic.Uint64 // stored before entry
	entry atomic.Pointer[clhtEntry[T]]
}

// clhtMinBuckets is the least number of buckets in a table: 32 KiB, which is the smallest allocation that the Go runtime aligns to
// cache lines. Those with a header of 8 bytes are smaller.
const clhtMinBuckets = 512

// clhtBuckets is the buckets of a table, a power of two. When another number is needed, the entries are moved to
// next, bucket by bucket.
type clhtBuckets[T any] struct {
	buckets []clhtBucket[T]
	moved   *clhtBucket[T] // has no entries: next of each bucket whose entries have been moved

	next    atomic.Pointer[clhtBuckets[T]] // nil while no entries are moved
	claimed atomic.Int64                   // buckets that some goroutine has moved or will
	done    atomic.Int64                   // buckets that have been moved
}

func newCLHTBuckets[T any](n int) *clhtBuckets[T] {
	return &clhtBuckets[T]{buckets: make([]clhtBucket[T], max(n, clhtMinBuckets)), moved: new(clhtBucket[T])}
}

func (t *clhtBuckets[T]) bucket(hash uint64) *clhtBucket[T] {
	return &t.buckets[hash&uint64(len(t.buckets)-1)]
}

// clhtTable finds the entry of an id. Its methods are safe for concurrent use and never wait for a session.
type clhtTable[T any] struct {
	buckets atomic.Pointer[clhtBuckets[T]]
	keys    hashKeys
	resize  sync.Mutex // held to begin a move
	_       [64]byte   // of the next fields, which change
	counts  [16]clhtCount
}

// clhtCount counts the entries with some of the hashes.
type clhtCount struct {
	n atomic.Int64
	_ [56]byte
}

func (t *clhtTable[T]) init() {
	t.keys = newHashKeys()
	t.buckets.Store(newCLHTBuckets[T](0))
}

// find returns the entry of an id, and its slot; nil if there is none. It takes no lock, and writes nothing unless entries are moved.
//
// A caller that goes on to lock the entry has to find it in the slot after that: until then it may be removed, or moved.
//
// Hot path, hence clhtBucket.find is written out, in an order of reads for which the bucket need not be locked.
func (t *clhtTable[T]) find(high, low uint64) (*clhtSlot[T], *clhtEntry[T]) {
	hash := t.keys.hash(high, low)
	bs := t.buckets.Load()
	for {
		for b := bs.bucket(hash); b != nil; b = b.next.Load() {
			for i := range b.slots {
				s := &b.slots[i]
				if s.low.Load() != low {
					continue
				}
				// Between two reads the slot may get another entry. The half is that of the entry if it is read afterwards,
				// and the entry is still there when the caller looks again.
				if e := s.entry.Load(); e != nil && e.high == high && s.low.Load() == low {
					return s, e
				}
			}
		}
		// The bucket's entries may have been moved before they were looked for.
		next := bs.next.Load()
		if next == nil {
			return nil, nil
		}
		t.move(bs, next)
		bs = next
	}
}

// insert adds an entry, or returns false if its id has one. The entry has not been in the table before.
func (t *clhtTable[T]) insert(low uint64, e *clhtEntry[T]) bool {
	hash := t.keys.hash(e.high, low)
	bs, b := t.lock(hash)
	if _, found := b.find(e.high, low); found != nil {
		b.mu.Unlock()
		return false
	}
	extended := b.add(low, e)
	b.mu.Unlock()
	t.count(hash).Add(1)
	if extended {
		t.fit(bs)
	}
	return true
}

// remove removes an entry from the table, if it is there. The caller has locked the entry.
func (t *clhtTable[T]) remove(low uint64, e *clhtEntry[T]) {
	hash := t.keys.hash(e.high, low)
	bs, b := t.lock(hash)
	removed := b.remove(low, e)
	b.mu.Unlock()
	if removed && t.count(hash).Add(-1)%64 == 0 {
		t.fit(bs)
	}
}

// lock returns the bucket of a hash, locked, and the buckets that it belongs to. If entries are moved, it first moves
// those of this bucket, and others.
func (t *clhtTable[T]) lock(hash uint64) (*clhtBuckets[T], *clhtBucket[T]) {
	for bs := t.buckets.Load(); ; {
		b := bs.bucket(hash)
		b.mu.Lock()
		next := bs.next.Load()
		if next == nil {
			return bs, b
		}
		t.moveBucket(bs, b, next)
		b.mu.Unlock()
		t.move(bs, next)
		bs = next
	}
}

// count returns the counter for entries with a hash.
func (t *clhtTable[T]) count(hash uint64) *atomic.Int64 { return &t.counts[hash>>28].n }

// len returns the number of entries. It is exact while no other operation runs.
func (t *clhtTable[T]) len() int {
	n := int64(0)
	for i := range t.counts {
		n += t.counts[i].n.Load()
	}
	return int(n)
}

// fit begins to move the entries to more buckets if bs has more than two entries per bucket, and to fewer if it has less
// than a quarter. The operations that follow move them.
func (t *clhtTable[T]) fit(bs *clhtBuckets[T]) {
	switch n, entries := len(bs.buckets), t.len(); {
	case entries > 2*n:
		t.begin(bs, 2*n)
	case entries < n/4 && n > clhtMinBuckets:
		t.begin(bs, 1<<bits.Len(uint(entries)))
	}
}

// begin begins to move the entries of bs to n buckets, unless entries are moved already.
func (t *clhtTable[T]) begin(bs *clhtBuckets[T], n int) {
	if !t.resize.TryLock() {
		return // another goroutine begins
	}
	defer t.resize.Unlock()
	if t.buckets.Load() == bs && bs.next.Load() == nil {
		bs.next.Store(newCLHTBuckets[T](n))
	}
}

// finish moves what is left to move of bs.
func (t *clhtTable[T]) finish(bs *clhtBuckets[T]) {
	for next := bs.next.Load(); next != nil && t.move(bs, next); {
	}
}

// shrink returns memory, if most of the entries have been removed.
func (t *clhtTable[T]) shrink() {
	bs := t.buckets.Load()
	t.fit(bs)
	t.finish(bs)
}

// clhtChunk is how many buckets an operation moves.
const clhtChunk = 16

// move moves the entries of some buckets. It returns false if none are left.
func (t *clhtTable[T]) move(bs, next *clhtBuckets[T]) bool {
	if bs.claimed.Load() >= int64(len(bs.buckets)) {
		return false
	}
	from := bs.claimed.Add(clhtChunk) - clhtChunk
	for i := from; i < min(from+clhtChunk, int64(len(bs.buckets))); i++ {
		b := &bs.buckets[i]
		b.mu.Lock()
		t.moveBucket(bs, b, next)
		b.mu.Unlock()
	}
	return true
}

// moveBucket moves the entries of a bucket, which the caller has locked, unless that has been done. Each entry is in its new slot
// before it leaves the old one, so that it can be found all the time.
func (t *clhtTable[T]) moveBucket(bs *clhtBuckets[T], b *clhtBucket[T], next *clhtBuckets[T]) {
	first := b.next.Load()
	if first == bs.moved {
		return
	}
	for from := b; from != nil; from = from.next.Load() {
		for i := range from.slots {
			s := &from.slots[i]
			e := s.entry.Load()
			if e == nil {
				continue
			}
			low := s.low.Load()
			to := next.bucket(t.keys.hash(e.high, low))
			to.mu.Lock()
			to.add(low, e)
			to.mu.Unlock()
			s.entry.Store(nil)
		}
	}
	b.next.Store(bs.moved)
	if bs.done.Add(1) == int64(len(bs.buckets)) {
		t.buckets.CompareAndSwap(bs, next)
	}
}

// find returns the slot and the entry of an id; nil if there is none. The bucket is locked.
func (b *clhtBucket[T]) find(high, low uint64) (*clhtSlot[T], *clhtEntry[T]) {
	for ; b != nil; b = b.next.Load() {
		for i := range b.slots {
			s := &b.slots[i]
			if e := s.entry.Load(); e != nil && s.low.Load() == low && e.high == high {
				return s, e
			}
		}
	}
	return nil, nil
}

// add puts an entry into the first free slot. It reports whether that needed another bucket. The bucket is locked.
func (b *clhtBucket[T]) add(low uint64, e *clhtEntry[T]) (extended bool) {
	for last := b; ; last = b {
		for i := range b.slots {
			if s := &b.slots[i]; s.entry.Load() == nil {
				s.low.Store(low)
				s.entry.Store(e)
				return extended
			}
		}
		if b = b.next.Load(); b == nil {
			b, extended = new(clhtBucket[T]), true
			last.next.Store(b)
		}
	}
}

// remove removes an entry, and its bucket from the list if no other is in it. It reports whether it was there. The bucket is locked.
//
// A goroutine that looks for another entry may be in the bucket that is removed; from there it still finds all buckets behind it.
func (b *clhtBucket[T]) remove(low uint64, e *clhtEntry[T]) bool {
	for before := (*clhtBucket[T])(nil); b != nil; before, b = b, b.next.Load() {
		for i := range b.slots {
			s := &b.slots[i]
			if s.entry.Load() != e {
				continue
			}
			s.entry.Store(nil)
			if before != nil && b.empty() {
				before.next.Store(b.next.Load())
			}
			return true
		}
	}
	return false
}

func (b *clhtBucket[T]) empty() bool {
	for i := range b.slots {
		if b.slots[i].entry.Load() != nil {
			return false
		}
	}
	return true
}

// all yields every entry that is present throughout the call, each at most once, and perhaps others. No lock is held meanwhile.
func (t *clhtTable[T]) all() iter.Seq2[manager.ID, *clhtEntry[T]] {
	return func(yield func(manager.ID, *clhtEntry[T]) bool) {
		var found []clhtFound[T]
		bs := t.buckets.Load()
		for i := range bs.buckets {
			found = t.collect(found[:0], bs, i)
			for _, f := range found {
				var id manager.ID
				binary.LittleEndian.PutUint64(id[:8], f.entry.high)
				binary.LittleEndian.PutUint64(id[8:], f.low)
				if !yield(id, f.entry) {
					return
				}
			}
		}
	}
}

// clhtFound is an entry and half of its id.
type clhtFound[T any] struct {
	low   uint64
	entry *clhtEntry[T]
}

// collect appends the entries whose bucket in bs is number i, wherever they have been moved.
func (t *clhtTable[T]) collect(to []clhtFound[T], bs *clhtBuckets[T], i int) []clhtFound[T] {
	n := len(bs.buckets)
	for moved := true; moved; bs = bs.next.Load() {
		moved = false
		for at := i & (len(bs.buckets) - 1); at < len(bs.buckets); at += n { // all that have entries of bucket i
			b := &bs.buckets[at]
			b.mu.Lock()
			if b.next.Load() == bs.moved {
				moved = true
				b.mu.Unlock()
				continue
			}
			for of := b; of != nil; of = of.next.Load() {
				for j := range of.slots {
					s := &of.slots[j]
					f := clhtFound[T]{s.low.Load(), s.entry.Load()}
					if f.entry != nil && t.keys.hash(f.entry.high, f.low)&uint64(n-1) == uint64(i) && !slices.Contains(to, f) {
						to = append(to, f) // it may move, and be met again
					}
				}
			}
			b.mu.Unlock()
		}
	}
	return to
}
