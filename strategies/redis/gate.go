package redis

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// gate counts the operations inside a store, so that Close can reject new operations and wait for running ones. One mutex is enough
// here: an operation takes it twice, for a thousandth of the time that Redis takes to reply.
type gate struct {
	closing chan struct{} // closed when the gate shuts: operations inside stop waiting
	release func() error  // closes the server that was opened for the store, idempotently; nil if the caller provided the client

	mu     sync.Mutex // protects what follows
	inside int
	shut   bool
	empty  chan struct{} // closed when the gate is shut and no operation is inside
}

func newGate() *gate { return &gate{closing: make(chan struct{}), empty: make(chan struct{})} }

// enter counts an operation, which has to call leave. After an error it is not inside.
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

// again returns an error if an operation inside must not make another try.
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

// close shuts the gate, waits until no operation is inside, and releases the server. It is idempotent.
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
