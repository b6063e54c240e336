package redis

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// gate counts the operations inside a store, so that Close can turn new ones away and wait for those inside. One mutex is
// enough here: an operation takes it twice, for a thousandth of the time that Redis takes to answer.
type gate struct {
	closing chan struct{} // closed when the gate shuts: whoever waits inside for something else gives up
	release func() error  // lets go of the server that was made for the store, any number of times; nil where it was given one

	mu     sync.Mutex // protects what follows
	inside int
	shut   bool
	empty  chan struct{} // closed when the last one is out after the gate was shut
}

func newGate() *gate { return &gate{closing: make(chan struct{}), empty: make(chan struct{})} }

// enter lets an operation in. Whoever was let in has to leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return manager.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.shut && g.inside == 0 {
		close(g.empty)
	}
}

// again says to an operation inside whether it may go on to its next try.
func (g *gate) again(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	select {
	case <-g.closing:
		return manager.ErrClosed
	default:
		return nil
	}
}

// close shuts the gate, waits until everybody is out, and lets go of the server. It may be called again.
func (g *gate) close() error {
	g.mu.Lock()
	if !g.shut {
		g.shut = true
		close(g.closing)
		if g.inside == 0 {
			close(g.empty)
		}
	}
	g.mu.Unlock()
	<-g.empty
	if g.release == nil {
		return nil
	}
	return g.release()
}
