package runner

import (
	"runtime"
	"sync/atomic"
)

// pages are the memory of a trial's recordings. The scheduler may have one user do many times as much as another, so none gets a share of
// its own. Taking a page is a write to shared memory, one for dozens of operations.
//
// They lie outside of the heap: what is recorded in it would have the garbage collector run more often, at the expense of the store, and
// room made in advance would have it run less often.
type pages struct {
	words []uint64
	taken atomic.Int64 // words
	size  int          // of a page, in words
}

// newPages has so many bytes for so many users. Pages are small enough that each user may have a few.
func newPages(bytes, users int) *pages {
	const (
		least, most = 16 * usualWords, 64 * usualWords
		wordBytes   = 8
	)
	p := &pages{size: max(least, min(bytes/(8*users*wordBytes), most))}
	var free func()
	p.words, free = outsideHeap(bytes / wordBytes)
	runtime.AddCleanup(p, func(free func()) { free() }, free)
	return p
}

// take returns a page for at least n words, all zero; nil if there is none left. It must not be used longer than p.
func (p *pages) take(n int) []uint64 {
	n = max(n, p.size)
	end := p.taken.Add(int64(n))
	if end > int64(len(p.words)) {
		return nil
	}
	return p.words[end-int64(n) : end : end]
}
