package strategies

import (
	"context"
	"math/bits"
	"runtime"
	"strconv"

	"github.com/sessbench/sessbench/manager"
)

// defaultShards returns the number of shards where none is given: 128 per processor, so that where each processor runs one operation
// fewer than 1 % of the operations meet a busy shard. Two processors get 256 shards, which take 32 KB and the tables of those in use.
//
// Where closures wait rather than compute, more operations hold a shard at once than there are processors. On two processors, with 1000
// sessions and 100 users whose updates wait for 1 ms, 256 shards have 1.8 times the throughput of 64, and 1024 have 2.1 times. Where they
// do not wait, 256 have 1.02 times and 1024 have 0.97 times that of 64: the shards no longer fit into the nearer caches.
func defaultShards() int {
	return min(1<<bits.Len(uint(128*runtime.GOMAXPROCS(0)-1)), maxShards)
}

const maxShards = 1 << 20

var _ = register(Strategy{
	Name:        "sharded",
	Description: "sessions hashed to shards; one mutex per shard, held while any session of the shard is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksShard,
		ExclusiveUpdates: true,
	},
	Params: []Param{{
		Name:    "shards",
		Default: strconv.Itoa(defaultShards()),
		Doc:     "number of shards, rounded up to a power of two; by default 128 per processor",
		Legal:   "a whole number from 1 to 1048576",
		Check:   positive,
	}},
	Open: func(p Values) (manager.SessionStore[manager.Session], error) {
		return NewSharded[manager.Session](p.Int("shards")), nil
	},
})

// Sharded spreads the sessions over shards by a hash of the id; each shard is a map under a mutex.
//
// Every closure runs with its shard's mutex held, including create and Sweep's removed, so a busy session delays operations on
// every session of its shard: with n shards, one operation in n. Each operation takes one lock; sessions have none. Sweep and
// Len go from shard to shard, so neither happens at one instant.
//
// Inside a closure, operations on sessions of the same shard, Sweep, Len and Close deadlock. Which sessions share a shard differs
// from store to store.
type Sharded[T any] struct {
	shards []shard[T] // a power of two of them
	keys   hashKeys
}

// shardSize is a multiple of 128 bytes, two cache lines: processors fetch lines in pairs, so a neighbour's mutex in the other line
// of a pair would cost as much as one in the same line.
const shardSize = 128

// shard is a store of its own for some of the sessions.
type shard[T any] struct {
	Global[T]
	_ [shardSize - 24]byte
}

var (
	_ manager.SessionStore[int] = (*Sharded[int])(nil)
	_ manager.CensusReporter    = (*Sharded[int])(nil)
)

// Sharder is a store that spreads its sessions over shards, each with one lock.
type Sharder interface {
	// Shard returns the number of the shard to which a session belongs, from 0; -1: the store has no shards as it is configured.
	Shard(id manager.ID) int

	// Shards returns the number of shards.
	Shards() int
}

// NewSharded returns an empty store of that many shards, rounded up to a power of two. Less than one means 128 per processor
// (GOMAXPROCS).
func NewSharded[T any](shards int) *Sharded[T] {
	if shards < 1 {
		shards = defaultShards()
	}
	s := &Sharded[T]{
		shards: make([]shard[T], 1<<bits.Len(uint(shards-1))),
		keys:   newHashKeys(),
	}
	for i := range s.shards {
		s.shards[i].sessions = make(table[T])
	}
	return s
}

// slot returns the index of an id's shard.
func (s *Sharded[T]) slot(id manager.ID) uint64 {
	return s.keys.hash(halves(&id)) & uint64(len(s.shards)-1)
}

// Shard implements [Sharder].
func (s *Sharded[T]) Shard(id manager.ID) int { return int(s.slot(id)) }

// Shards implements [Sharder].
func (s *Sharded[T]) Shards() int { return len(s.shards) }

func (s *Sharded[T]) shard(id manager.ID) *Global[T] { return &s.shards[s.slot(id)].Global }

// GetOrCreate implements [manager.SessionStore].
func (s *Sharded[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	return s.shard(id).GetOrCreate(ctx, id, create, view)
}

// View implements [manager.SessionStore]. It holds the shard, as Update does.
func (s *Sharded[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore]. It is Global.Update, written out because it is hot.
func (s *Sharded[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	h := &s.shards[s.slot(id)]
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	return h.sessions.use(ctx, id, fn)
}

// Delete implements [manager.SessionStore].
func (s *Sharded[T]) Delete(ctx context.Context, id manager.ID) (T, error) {
	return s.shard(id).Delete(ctx, id)
}

// Sweep implements [manager.SessionStore]. It holds one shard at a time. It stops between two shards when ctx is done
// or the store is closed.
func (s *Sharded[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	for i := range s.shards {
		m, err := s.shards[i].Sweep(ctx, expired, removed)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Len implements [manager.SessionStore].
func (s *Sharded[T]) Len(ctx context.Context) (n int, err error) {
	for i := range s.shards {
		m, err := s.shards[i].Len(ctx)
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

// Close implements [manager.SessionStore].
func (s *Sharded[T]) Close() error {
	for i := range s.shards { // first all, so that operations waiting for any shard return ErrClosed
		s.shards[i].closed.Store(true)
	}
	for i := range s.shards {
		_ = s.shards[i].Close() // never fails
	}
	return nil
}

// Census implements [manager.CensusReporter]. There are no locks of single sessions.
func (s *Sharded[T]) Census() (c manager.Census) {
	for i := range s.shards {
		c.Sessions += s.shards[i].Census().Sessions
	}
	return c
}
