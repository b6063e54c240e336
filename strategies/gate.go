package strategies

import (
	"context"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// gate counts the operations inside a store that has no lock to wait for, so that Close can turn new ones away and wait
// for those already inside.
//
// The count is spread over stripes, each on cache lines of its own: one counter would be written by every operation on
// every core, and a store without locks would wait for that instead. An operation draws its stripe at random, which
// costs less than finding out on which core it runs.
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
	n := 1 << bits.Len(uint(4*runtime.GOMAXPROCS(0)-1)) // few enough to be small, enough that two cores seldom meet
	return &gate{stripes: make([]stripe, n), wake: make(chan struct{}, 1)}
}

// enter lets an operation in and returns the stripe it has to leave by. An error, by ctx or because the gate is shut,
// means that it is not inside.
//
// It counts first and looks second; close shuts first and counts second. So either the operation sees the gate shut
// or close sees the operation inside.
func (g *gate) enter(ctx context.Context) (*stripe, error) {
	if err := ctx.Err(); err != nil {
		return nil, manager.NotApplied(err)
	}
	in := &g.stripes[rand.Uint32()&uint32(len(g.stripes)-1)]
	in.inside.Add(1)
	if g.shut.Load() {
		g.leave(in)
		return nil, manager.ErrClosed
	}
	return in, nil
}

// again says to an operation inside whether it may go on to its next step: an error if ctx has ended or the gate is shut.
func (g *gate) again(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if g.shut.Load() {
		return manager.ErrClosed
	}
	return nil
}

// leave lets the operation out that came in by this stripe.
func (g *gate) leave(in *stripe) {
	if in.inside.Add(-1) == 0 && g.shut.Load() {
		select {
		case g.wake <- struct{}{}:
		default: // a token lies there already: close will look again
		}
	}
}

// close shuts the gate and returns when everybody is out. Only one goroutine may call it. A stripe once seen
// empty stays so: those who come later find the gate shut and step back.
func (g *gate) close() {
	g.shut.Store(true)
	for i := range g.stripes {
		for g.stripes[i].inside.Load() != 0 {
			<-g.wake
		}
	}
}
