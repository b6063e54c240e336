package strategies

import (
	"context"
	"hash/maphash"
	"math/bits"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
)

// defaultShards is the number of shards where none is given.
const defaultShards = 64

var _ = register(Strategy{
	Name:        "sharded",
	Description: "sessions hashed to shards; one mutex per shard, held while any session of the shard is used",
	Guarantees: manager.Guarantees{
		Blocks:           manager.BlocksShard,
		ExclusiveUpdates: true,
	},
	Params: []Param{{
		Name:    "shards",
		Default: strconv.Itoa(defaultShards),
		Doc:     "number of shards, rounded up to a power of two",
		Legal:   "a whole number from 1 to 1048576",
		Check:   positive,
	}},
	Open: func(p Values) (manager.SessionStore[manager.Session], error) {
		return NewSharded[manager.Session](p.Int("shards")), nil
	},
	OpenProbe: func(p Values) (manager.SessionStore[Probe], error) { return NewSharded[Probe](p.Int("shards")), nil },
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
	closed atomic.Bool  // set before Close locks the shards, so that operations waiting for one return ErrClosed
	shards []shard[T]   // a power of two of them
	seed   maphash.Seed // random, so that no client can choose ids that fall into one shard
}

// shardSize is a multiple of 128 bytes, two cache lines: processors fetch lines in pairs, so a neighbour's mutex in the other line
// of a pair would cost as much as one in the same line.
const shardSize = 128

// shard is one lock and the sessions under it.
type shard[T any] struct {
	mu       sync.Mutex // protects sessions; held while a closure runs
	sessions table[T]
	_        [shardSize - 16]byte
}

var (
	_ manager.SessionStore[int] = (*Sharded[int])(nil)
	_ manager.CensusReporter    = (*Sharded[int])(nil)
)

// NewSharded returns an empty store of that many shards, rounded up to a power of two. Less than one means
// 64.
func NewSharded[T any](shards int) *Sharded[T] {
	if shards < 1 {
		shards = defaultShards
	}
	s := &Sharded[T]{
		shards: make([]shard[T], 1<<bits.Len(uint(shards-1))),
		seed:   maphash.MakeSeed(),
	}
	for i := range s.shards {
		s.shards[i].sessions = make(table[T])
	}
	return s
}

// slot returns the index of an id's shard. It hashes all 16 bytes, because recorded ids may differ in a few of them only.
func (s *Sharded[T]) slot(id manager.ID) uint64 {
	return maphash.Bytes(s.seed, id[:]) & uint64(len(s.shards)-1)
}

// lock locks the mutex of the id's shard. An error means not locked.
func (s *Sharded[T]) lock(ctx context.Context, id manager.ID) (*shard[T], error) {
	if err := ctx.Err(); err != nil {
		return nil, manager.NotApplied(err)
	}
	h := &s.shards[s.slot(id)]
	h.mu.Lock()
	if s.closed.Load() {
		h.mu.Unlock()
		return nil, manager.ErrClosed
	}
	return h, nil
}

// GetOrCreate implements [manager.SessionStore].
func (s *Sharded[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	h, err := s.lock(ctx, id)
	if err != nil {
		return false, err
	}
	defer h.mu.Unlock()
	return h.sessions.getOrCreate(id, create, view), nil
}

// View implements [manager.SessionStore]. It holds the shard, as Update does.
func (s *Sharded[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	return s.Update(ctx, id, fn)
}

// Update implements [manager.SessionStore].
func (s *Sharded[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	h, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer h.mu.Unlock()
	return h.sessions.use(ctx, id, fn)
}

// Delete implements [manager.SessionStore].
func (s *Sharded[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	h, err := s.lock(ctx, id)
	if err != nil {
		return last, err
	}
	defer h.mu.Unlock()
	return h.sessions.take(id)
}

// Sweep implements [manager.SessionStore]. It holds one shard at a time. It stops between two shards when ctx is done
// or the store is closed.
func (s *Sharded[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	for i := range s.shards {
		if err := ctx.Err(); err != nil {
			return n, manager.NotApplied(err)
		}
		m, err := s.sweepShard(&s.shards[i], expired, removed)
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *Sharded[T]) sweepShard(
	h *shard[T], expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.closed.Load() {
		return 0, manager.ErrClosed
	}
	return h.sessions.sweep(expired, removed), nil
}

// Len implements [manager.SessionStore].
func (s *Sharded[T]) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	return s.len(), nil
}

func (s *Sharded[T]) len() (n int) {
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		n += len(h.sessions)
		h.mu.Unlock()
	}
	return n
}

// Close implements [manager.SessionStore].
func (s *Sharded[T]) Close() error {
	s.closed.Store(true)
	for i := range s.shards {
		h := &s.shards[i]
		h.mu.Lock()
		h.sessions = nil
		h.mu.Unlock()
	}
	return nil
}

// Census implements [manager.CensusReporter]. There are no locks of single sessions.
func (s *Sharded[T]) Census() manager.Census { return manager.Census{Sessions: s.len()} }
