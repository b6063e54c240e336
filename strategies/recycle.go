package strategies

import "sync"

// recycler keeps the states that updates have replaced until no operation can use them any more, and then lets updates overwrite them.
// Otherwise each update would leave a state to the garbage collector, which costs more than the copy.
//
// A state is used by operations that were inside the gate when it was replaced, and by none that came later. So nothing uses it once
// each stripe of the gate has been seen empty since. This is epoch-based reclamation (Fraser, 2004) with the counters that Close needs
// anyway. While stripes do not get empty, because many closures run or wait for a processor, updates allocate.
type recycler[T any] struct {
	gate *gate
	bins sync.Pool // of *bin[T]
}

func newRecycler[T any](g *gate) *recycler[T] {
	r := &recycler[T]{gate: g}
	r.bins.New = func() any { return &bin[T]{ready: make([]*T, 0, binSize), replaced: make([]*T, 0, binSize)} }
	return r
}

// get returns a bin for one operation, which gives it back by put.
func (r *recycler[T]) get() *bin[T] { return r.bins.Get().(*bin[T]) }

func (r *recycler[T]) put(b *bin[T]) { r.bins.Put(b) }

// bin is used by one operation at a time. It holds at most 2 * binSize states.
type bin[T any] struct {
	ready    []*T // no operation uses them
	replaced []*T // operations that were inside when they were replaced may
	empty    int  // stripes, from the first, that have been seen empty since replaced is full
}

const binSize = 16

// take returns a state that nothing uses, for an operation that is inside g by stripe in.
func (b *bin[T]) take(g *gate, in *stripe) *T {
	if len(b.ready) == 0 && b.unused(g, in) {
		b.ready, b.replaced, b.empty = b.replaced, b.ready, 0
	}
	n := len(b.ready)
	if n == 0 {
		return new(T)
	}
	state := b.ready[n-1]
	b.ready[n-1], b.ready = nil, b.ready[:n-1]
	return state
}

// unused reports whether replaced is full and no operation can use a state in it, other than the one that is inside by stripe in.
func (b *bin[T]) unused(g *gate, in *stripe) bool {
	if len(b.replaced) < binSize {
		return false
	}
	for ; b.empty < len(g.stripes); b.empty++ {
		s := &g.stripes[b.empty]
		n := s.inside.Load()
		if s == in {
			n--
		}
		if n != 0 {
			return false
		}
	}
	return true
}

// addReady adds a state that no other operation has seen.
func (b *bin[T]) addReady(state *T) {
	if len(b.ready) < binSize {
		b.ready = append(b.ready, state)
	}
}

// addReplaced adds a state that no operation finds any more, and that the caller has done with.
func (b *bin[T]) addReplaced(state *T) {
	if len(b.replaced) < binSize {
		b.replaced = append(b.replaced, state)
	}
}
