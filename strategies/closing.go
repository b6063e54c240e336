package strategies

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// closing is how a store with a lock per session is swept and closed. Operations read closed.
type closing struct {
	closed atomic.Bool
	once   sync.Once
	sweeps sync.RWMutex // read-held by each Sweep, because its last callback runs while no entry's lock is held
}

// close sets closed, waits for sweeps, and calls drain, which waits for the closures that run. It does so once; other calls wait for it.
func (c *closing) close(drain func()) {
	c.once.Do(func() {
		c.closed.Store(true)
		c.sweeps.Lock()
		defer c.sweeps.Unlock()
		drain()
	})
}

// sweep calls expire for each entry of all, which removes it, returns its last state and reports that it did, or keeps it. It calls
// removed for each that is gone. It stops between two entries when ctx is done, or with the error of expire.
func sweep[T, E any](
	ctx context.Context, c *closing, all iter.Seq2[manager.ID, *E],
	expire func(manager.ID, *E) (last T, gone bool, err error), removed func(manager.ID, T),
) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if !c.sweeps.TryRLock() { // fails only while close holds it or waits for it
		return 0, manager.ErrClosed
	}
	defer c.sweeps.RUnlock()
	if c.closed.Load() {
		return 0, manager.ErrClosed
	}
	for id, e := range all {
		if err := ctx.Err(); err != nil {
			return n, manager.NotApplied(err)
		}
		last, gone, err := expire(id, e)
		if err != nil {
			return n, err
		}
		if !gone {
			continue
		}
		n++
		if removed != nil {
			removed(id, last)
		}
	}
	return n, nil
}
