package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// The bounds of blocks.
const (
	otherUsers    = 32                     // of other sessions than the held one
	otherSessions = 2000                   // that they use: of 1,000 shards, the held session's is among theirs with a probability of 86 %
	otherLimit    = 100 * time.Millisecond // after which they begin no further one, for slow stores
	shardUsers    = 2                      // of other sessions in the held session's shard
	shardTries    = 1 << 16                // ids to find those
	crowdUsers    = 100                    // that wait for the held session: more than the places of most bounded queues
	crowdTime     = 2 * time.Second        // that their updates may take, one after the other
)

// blocks holds a session in an update and observes which operations wait until it is released. A store may block less than it declares. That
// it blocks more is decided by progress: nothing is completed for as long as makes a hang, and every operation that should be waits.
func blocks(p *probe) Guarantee {
	g := Guarantee{Name: "blocks", Declared: string(p.declares.Blocks), Observed: notObserved, Kept: true}
	began := time.Now()
	_ = p.update(context.Background(), add)
	took, before := time.Since(began), p.messages()
	h := p.hold(p.id, add)
	b := p.beside()
	proceed, decided := b.await()
	if decided {
		settle(b.all()...)
		g.Observed, g.Kept = b.observed(), proceed
		g.Detail = fmt.Sprintf("while an update held a session, %d of %d users of other sessions could not continue", stuck(b.others), len(b.others))
	} else {
		g.Detail = fmt.Sprintf("while an update held a session, no operation was completed for %v, although goroutines were at work", 2*p.round.cfg.Patience)
	}
	crowd := p.crowd(took)
	h.release()
	p.running.Wait()
	for _, o := range append(b.all(), h.operation) {
		if o.err != nil {
			p.violate(history.UnexpectedError, "an operation beside an update of another session: %v", o.err)
		}
	}
	if len(crowd) > 0 {
		p.compare(before, h, crowd)
	}
	return g
}

// crowd starts many updates of the held session, if they wait for it, unless the store is slow: an update took so long before.
func (p *probe) crowd(took time.Duration) (crowd []*operation) {
	if !p.declares.ExclusiveUpdates || crowdUsers*took > crowdTime {
		return nil
	}
	for range crowdUsers {
		crowd = append(crowd, p.start(func() error {
			defer p.round.clients[0].beat.n.Add(1)
			return p.update(context.Background(), add)
		}))
	}
	settle(crowd...)
	return crowd
}

// compare wants each update to have taken effect that has returned without an error, and no other, in a session that had some messages
// before. A store may refuse to queue so many.
func (p *probe) compare(before uint64, h *holder, crowd []*operation) {
	want := uint64(0)
	for _, o := range append(crowd, h.operation) {
		switch {
		case o.err == nil:
			want++
		case !errors.Is(o.err, manager.ErrNotApplied):
			p.violate(history.UnexpectedError, "an update that waited for a session beside %d others: %v", len(crowd)-1, o.err)
		}
	}
	if n := p.messages() - before; n != want && p.violation == nil {
		p.violate(history.LostUpdate, "of an update that held a session and %d that waited for it, %d returned success, and %d took effect",
			len(crowd), want, n)
	}
}

// sharder is strategies.Sharder, whose import would be a cycle: the tests of strategies use this package.
type sharder interface {
	Shard(manager.ID) int
	Shards() int
}

// beside is the operations beside an update that holds a session.
type beside struct {
	*probe
	shards    sharder      // nil: the store does not say which sessions share a lock, or declares that none do
	others    []*operation // use other sessions; of another shard than the held one's, where that is known
	sameShard []*operation // use sessions of the held session's shard
	view      *operation   // of the held session
	count     *operation   // Len
	completed atomic.Int64 // operations
}

// beside starts the operations.
func (p *probe) beside() *beside {
	b := &beside{probe: p}
	if s, ok := p.round.store.(sharder); ok && !p.declares.IndependentSessions() && s.Shard(p.id) >= 0 {
		b.shards = s
	}
	var sessions atomic.Int64
	end := time.Now().Add(otherLimit)
	for range b.users() {
		b.others = append(b.others, p.start(func() error {
			for {
				id, _ := b.id(false)
				if err := b.use(id); err != nil || !p.declares.IndependentSessions() ||
					sessions.Add(1) >= otherSessions || time.Now().After(end) {
					return err
				}
			}
		}))
	}
	for range shardUsers {
		if id, found := b.id(true); found {
			b.sameShard = append(b.sameShard, p.start(func() error { return b.use(id) }))
		}
	}
	b.view = p.start(func() error {
		return p.round.store.View(context.Background(), p.id, func(context.Context, *manager.Session) error { return nil })
	})
	b.count = p.start(func() error { _, err := p.round.store.Len(context.Background()); return err })
	return b
}

// users returns the number of users of other sessions: none if all sessions are in one shard.
func (b *beside) users() int {
	if b.shards != nil && b.shards.Shards() == 1 {
		return 0
	}
	return otherUsers
}

// id draws the id of a session that is, or is not, in the held session's shard. It is not found where shards are not known or too many.
func (b *beside) id(inShard bool) (id manager.ID, found bool) {
	for range shardTries {
		id = uuid.New()
		if b.shards == nil {
			return id, !inShard
		}
		if (b.shards.Shard(id) == b.shards.Shard(b.probe.id)) == inShard {
			return id, true
		}
	}
	return id, false
}

// use performs each operation on a session of its own.
func (b *beside) use(id manager.ID) error {
	ctx, store := context.Background(), b.round.store
	for _, operation := range []func() error{
		func() error { _, err := store.GetOrCreate(ctx, id, newSession, nil); return err },
		func() error { return store.Update(ctx, id, add) },
		func() error { return store.View(ctx, id, func(context.Context, *manager.Session) error { return nil }) },
		func() error {
			if !b.round.cfg.performs(history.Delete) {
				return nil
			}
			_, err := store.Delete(ctx, id)
			return err
		},
	} {
		if err := operation(); err != nil {
			return err
		}
		b.completed.Add(1)
	}
	return nil
}

func (b *beside) all() []*operation {
	return slices.Concat(b.others, b.sameShard, []*operation{b.view, b.count})
}

// stuck returns the number of operations that have not returned.
func stuck(operations []*operation) (n int) {
	for _, o := range operations {
		if !o.returned() {
			n++
		}
	}
	return n
}

// await waits until the operations have returned that the store declares not to block, and reports whether they did; decided is false if some
// did not, and some goroutine was at work, which may be the store's.
func (b *beside) await() (proceed, decided bool) {
	free, enough := b.others, 0 // at most so many of free may be blocked
	switch declared := b.declares.Blocks; {
	case b.declares.IndependentSessions():
		free = append(slices.Clone(free), b.count)
		if declared == manager.BlocksWriters {
			free = append(free, b.view)
		}
	case declared != manager.BlocksShard && declared != manager.BlocksActor:
		return true, true
	case b.shards == nil:
		enough = max(0, len(free)-1) // the others may be of the held session's shard
	}
	last, idle := int64(-1), time.Duration(0)
	for stuck(free) > enough {
		time.Sleep(settleStep)
		b.round.clients[0].beat.n.Add(1) // the watchdog need not observe this
		if n := b.completed.Load(); n != last {
			last, idle = n, 0
			continue
		}
		if idle += settleStep; idle < b.round.cfg.Patience {
			continue
		}
		if b.round.watchdog.allWait() { // at a single look, a goroutine that is about to wait may be at work
			return false, true
		}
		if idle >= 2*b.round.cfg.Patience {
			return false, false
		}
	}
	return true, true
}

// observed returns what the held session blocks.
func (b *beside) observed() string {
	shard := string(manager.BlocksShard)
	if b.declares.Blocks == manager.BlocksActor {
		shard = string(manager.BlocksActor)
	}
	switch n := stuck(b.others); {
	case n == len(b.others) && n+stuck(b.sameShard) > 0:
		return string(manager.BlocksAllSessions)
	case n > 0, stuck(b.sameShard) > 0:
		return shard
	case !b.count.returned():
		return string(manager.BlocksSession) + " and Len"
	case b.view.returned():
		return string(manager.BlocksWriters)
	}
	return string(manager.BlocksSession)
}
