package history

import "sync/atomic"

// A Fence keeps an operation's memory accesses between the two readings of the clock around it. A history's interval must
// hold the moment at which the operation took effect. Reading a clock orders no memory, so a processor may otherwise run the
// operation's loads before its Call is read, or read its Return while its stores are still in a store buffer. Either way a
// correct store appears to have shown an old state. On arm64 this happens: see anishathalye/porcupine issue 40.
//
// Each user has a separate Fence, so it writes no shared memory: it orders one user's accesses, and the race detector does
// not take two users' accesses as ordered.
//
// The ordering comes from a sequentially consistent store and a load of the same word. On arm64 they are STLR and LDAR:
// accesses before an STLR are visible to all before it is, an LDAR does not pass an earlier STLR, and accesses after an LDAR do
// not pass it. Together they are a full barrier, with and without LSE atomics. On amd64 the store is an XCHG, which is one by
// itself. The readings of the clock are tied to them as follows:
//
//   - Called stores the reading itself. The store needs its value, so the counter was read before it.
//   - Returning branches on what it loaded. The counter is read behind an ISB (Linux's vDSO, Apple's commpage), which
//     does not complete before an earlier branch is decided, hence not before the load has its value.
type Fence struct {
	_    [64]byte // no other user's data in this cache line
	word atomic.Int64
	_    [56]byte
}

// Called returns now, a reading of the clock. Accesses that follow it happen after that reading.
func (f *Fence) Called(now int64) int64 {
	f.word.Store(now)
	f.word.Load()
	return now
}

// Returning makes the next reading of the clock happen after all preceding accesses.
func (f *Fence) Returning() {
	f.word.Store(0)
	if f.word.Load() == Never { // the branch is what matters: see Fence
		f.word.Store(0)
	}
}
