package strategies

import (
	"context"
	"math/bits"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/sessbench/sessbench/manager"
)

// gate counts the operations inside a store without locks, so that Close can reject new operations and wait for running ones.
//
// The count is spread over stripes on separate cache lines: a single counter would be written by every operation on every core
// and become the bottleneck of a store without locks. An operation picks its stripe by a hash of its goroutine's stack address: a
// goroutine seldom changes its core, so the stripe is mostly in the cache of the core that writes it. Goroutines that share a
// stripe are as right, and slower.
type gate struct {
	stripes []stripe // a power of two of them
	shut    atomic.Bool
	wake    chan struct{} // holds a token when a stripe may have emptied since close last looked; capacity 1
}

// stripe is 128 bytes long because processors fetch cache lines in pairs.
type stripe struct {
	inside atomic.Int64
	_      [120]byte
}

func newGate() *gate {
	n := 1 << bits.Len(uint(8*runtime.GOMAXPROCS(0)-1)) // enough that two running goroutines seldom have the same
	return &gate{stripes: make([]stripe, n), wake: make(chan struct{}, 1)}
}

// enter counts an operation and returns the stripe that it has to leave by. After an error, because ctx is done or the gate is
// shut, it is not inside.
//
// enter increments the count before it reads shut; close sets shut before it reads the count. So either the operation sees the
// gate shut, or close sees the operation inside.
func (g *gate) enter(ctx context.Context) (*stripe, error) {
	if err := ctx.Err(); err != nil {
		return nil, manager.NotApplied(err)
	}
	in := &g.stripes[stackHash()&uint32(len(g.stripes)-1)]
	in.inside.Add(1)
	if g.shut.Load() {
		g.leave(in)
		return nil, manager.ErrClosed
	}
	return in, nil
}

// stackHash returns a number that stays the same for a goroutine as long as its stack is not moved. Stacks begin at multiples of 2 KB.
func stackHash() uint32 {
	var here byte
	return uint32(uint64(uintptr(unsafe.Pointer(&here))>>11) * 0x9e3779b97f4a7c15 >> 32)
}

// again returns an error if ctx is done or the gate is shut, for an operation inside that is about to continue.
func (g *gate) again(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if g.shut.Load() {
		return manager.ErrClosed
	}
	return nil
}

// leave uncounts the operation that entered by this stripe.
func (g *gate) leave(in *stripe) {
	if in.inside.Add(-1) == 0 && g.shut.Load() {
		select {
		case g.wake <- struct{}{}:
		default: // a token is there already: close will look again
		}
	}
}

// close shuts the gate and returns once no operation is inside. Only one goroutine may call it. A stripe once seen empty stays
// empty: operations that come later see the gate shut and leave.
func (g *gate) close() {
	g.shut.Store(true)
	for i := range g.stripes {
		for g.stripes[i].inside.Load() != 0 {
			<-g.wake
		}
	}
}
