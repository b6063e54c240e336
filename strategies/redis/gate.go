package redis

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
)

// gate lets Close reject new operations and wait for running ones.
type gate struct {
	closing chan struct{} // closed when the gate shuts: operations inside stop waiting
	shut    func()        // closes closing, once
	inside  sync.RWMutex  // read-held by each operation. One lock is enough: an operation takes a thousand times as long
	release func() error  // closes the server that was opened for the store, idempotently; nil if the caller provided the client
}

func newGate() *gate {
	g := &gate{closing: make(chan struct{})}
	g.shut = sync.OnceFunc(func() { close(g.closing) })
	return g
}

// enter admits an operation, which has to call leave. After an error it is not inside. It never waits, so an operation may enter
// again in a closure.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if !g.inside.TryRLock() { // fails only while close holds it or waits for it
		return manager.ErrClosed
	}
	if err := g.again(ctx); err != nil {
		g.leave()
		return err
	}
	return nil
}

func (g *gate) leave() { g.inside.RUnlock() }

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
	g.shut()
	g.inside.Lock()
	defer g.inside.Unlock()
	if g.release == nil {
		return nil
	}
	return g.release()
}
