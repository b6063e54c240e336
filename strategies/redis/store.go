// Package redis keeps sessions in Redis: one server, a cluster, or a master with Sentinels.
//
// [Store] is a [manager.SessionStore] of any type that a [Codec] can encode, also usable without sessbench. [Lists] keeps
// conversations as Redis users do, each as a list to which the server appends messages. sessbench uses both through [Connect]
// and [Strategy].
package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// Store keeps each session as one value in Redis. Stores in any number of processes may share a prefix: they see the same sessions.
// It is safe for concurrent use.
//
// Update reads the session, runs fn on a copy in this process, and writes the copy back if there was no write meanwhile; otherwise
// it retries. [Atomic] is how that is made atomic. So fn may run more than once, and an fn that fails or panics leaves the session
// unchanged. With Lock, updates of one session run one after the other instead, as long as none outlasts its lock; waiting updates
// poll the lock, in no order, until ctx is done.
//
// Every write carries a token that is kept with the session, so that a second copy of the command, sent by a client or a proxy, is
// recognized, gets the same reply as the first, and is never applied twice. The exception is an update with Watch: the client sends
// it only once, but a copy of its EXEC that a proxy makes is not recognized. Creations and deletions are remembered for a minute
// after the removal of the session, the last eight per id.
//
// Errors beyond those of [manager.SessionStore]: [manager.ErrConflict] where the retries are used up; [ErrLockLost], wrapped
// in [manager.ErrNotApplied]; [manager.ErrIndeterminate] where the connection failed after a write was sent, ctx's
// deadline included. Any other failure, a refusal by the server among them, is a [manager.ErrNotApplied] that wraps it.
//
// ctx ends the waits of this store. Whether it also ends the wait for a reply depends on the client: its deadline does with
// ContextTimeoutEnabled. Inside a closure every operation but Close, which deadlocks, can be used; it is not part of the outer
// operation. A nested Update of the same session makes the outer one retry, and with Lock it waits until the outer one's lock has
// expired.
type Store[T any] struct {
	*space
	*gate
	settings
	updater updater
}

var (
	_ manager.SessionStore[int] = (*Store[int])(nil)
	_ manager.CensusReporter    = (*Store[int])(nil)
)

// New returns a store of the sessions below prefix, which must not be empty or contain braces. client is a *redis.Client or a
// *redis.ClusterClient; the caller closes it. With Watch an update uses one connection exclusively while fn runs, so the pool
// should have one for each concurrent update and a few more. Writes are safe with any
// setting of the client; with MaxRetries -1 the outcome of a write is known in more cases.
func New[T any](client goredis.UniversalClient, prefix string, opts ...Option) (*Store[T], error) {
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	sp, err := newSpace(client, prefix)
	if err != nil {
		return nil, err
	}
	if set.pipelining {
		sp = sp.pipelined()
	}
	s := &Store[T]{space: sp, gate: newGate(), settings: set}
	switch set.atomic {
	case Watch:
		s.updater = &watcher{sp, set.ttl}
	case Lua:
		s.updater = &comparer{sp, set.ttl}
	case Lock:
		s.updater = &locker{sp, s.gate, set.ttl, set.lockExpiry}
	}
	return s, nil
}

func (s *Store[T]) decode(key string, r record, v *T) error {
	if err := s.codec.Decode(r.session(), v); err != nil {
		return fmt.Errorf("redis key %s: %w", key, err)
	}
	return nil
}

// GetOrCreate implements [manager.SessionStore]. create always runs: one round trip sends a new session and returns the
// existing one if there is one. The creator's view gets the state it created, even if that has changed since.
func (s *Store[T]) GetOrCreate(ctx context.Context, id manager.ID, create func() T, view func(*T)) (bool, error) {
	if err := s.enter(ctx); err != nil {
		return false, err
	}
	defer s.leave()
	key, token := s.key(id), newToken()
	session := create()
	encoded, err := s.codec.Encode(&session)
	if err != nil {
		return false, manager.NotApplied(err)
	}
	p := &parcel{bytes: []byte(token)}
	answer, err := createScript.run(ctx, s.process, []string{key, tombstone(key)}, p, []byte(firstRecord(token, encoded)), s.ttl.Milliseconds())
	if err != nil {
		return false, p.failed(ctx, err)
	}
	there, ok := answer.(string)
	if ok { // the session exists
		if p.doubt {
			return false, p.unless(manager.ErrExists)
		}
		session = *new(T)
		r, err := parseRecord(key, []byte(there))
		if err != nil {
			return false, manager.NotApplied(err)
		}
		if err := s.decode(key, r, &session); err != nil {
			return false, manager.NotApplied(err)
		}
	}
	if view != nil {
		view(&session)
	}
	return !ok, nil
}

// View implements [manager.SessionStore]. fn runs on a copy.
func (s *Store[T]) View(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	var session T
	if _, err := s.get(ctx, s.key(id), &session); err != nil {
		return err
	}
	return fn(ctx, &session)
}

// get reads and decodes a session.
func (s *Store[T]) get(ctx context.Context, key string, v *T) (record, error) {
	r, err := read(ctx, key, s.ask(ctx, "get", key))
	if err != nil {
		return nil, err
	}
	if err := s.decode(key, r, v); err != nil {
		return nil, manager.NotApplied(err)
	}
	return r, nil
}

// Update implements [manager.SessionStore]. fn runs at most retries+1 times, each on a new copy.
func (s *Store[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	key := s.key(id)
	change := func(ctx context.Context, now record, token string) (record, error) {
		var session T
		if err := s.decode(key, now, &session); err != nil {
			return nil, manager.NotApplied(err)
		}
		if err := fn(ctx, &session); err != nil {
			return nil, err
		}
		encoded, err := s.codec.Encode(&session)
		if err != nil {
			return nil, manager.NotApplied(err)
		}
		next, err := now.next(token, encoded)
		if err != nil {
			return nil, manager.NotApplied(fmt.Errorf("redis key %s: %w", key, err))
		}
		return next, nil
	}
	return s.tries(ctx, func() error { return s.updater.update(ctx, key, change) })
}

// tries calls try until it returns something other than *again, or the retries are used up.
func (s *Store[T]) tries(ctx context.Context, try func() error) error {
	var pause backoff
	for left := s.retries; ; left-- {
		err := try()
		met, ok := err.(*again)
		if !ok {
			return err
		}
		if left == 0 {
			return met.cause
		}
		if err := pause.wait(ctx, s.gate); err != nil {
			return err
		}
	}
}

// Delete implements [manager.SessionStore]. It reads the incarnation, and removes that incarnation in its state at that
// time. With Lock it does not wait for the lock: the update that holds it finds no session.
func (s *Store[T]) Delete(ctx context.Context, id manager.ID) (last T, err error) {
	if err := s.enter(ctx); err != nil {
		return last, err
	}
	defer s.leave()
	key := s.key(id)
	incarnation, err := s.incarnation(ctx, key)
	if err != nil {
		return last, err
	}
	r, err := s.remove(ctx, key, incarnation)
	if _, ok := err.(*again); ok {
		return last, manager.ErrNotFound // that incarnation was removed and another created: in between there was no session
	}
	if err != nil {
		return last, err
	}
	if err := s.decode(key, r, &last); err != nil {
		return last, fmt.Errorf("the session was deleted: %w", err)
	}
	return last, nil
}

// incarnation returns the first part of a record.
func (s *Store[T]) incarnation(ctx context.Context, key string) (string, error) {
	text, err := reply(ctx, s.ask(ctx, "getrange", key, 0, wordLen-1))
	if err != nil {
		return "", err
	}
	if len(text) == 0 {
		return "", manager.ErrNotFound
	}
	return string(text), nil
}

// tombstoneExpiry is how long a deletion is remembered: longer than any client keeps sending a command.
const tombstoneExpiry = time.Minute

// remove deletes the record that begins with state, an incarnation or identity, and returns it. *again: there is another record.
func (s *Store[T]) remove(ctx context.Context, key, state string) (record, error) {
	p := &parcel{bytes: []byte(newToken())}
	answer, err := deleteScript.run(ctx, s.process, []string{key, tombstone(key)}, p, state, tombstoneExpiry.Milliseconds())
	if err != nil {
		return nil, p.failed(ctx, err)
	}
	if last, ok := answer.(string); ok {
		return parseRecord(key, []byte(last))
	}
	return nil, written(answer, p)
}

// Sweep implements [manager.SessionStore]. expired runs on a copy, and again if the session has changed before it could be
// removed. It stops between two sessions when ctx is done or the store is closed.
func (s *Store[T]) Sweep(
	ctx context.Context, expired func(manager.ID, *T) bool, removed func(manager.ID, T),
) (n int, err error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	err = s.scan(ctx, s.sessions(), func(keys []string) error {
		page, err := s.page(ctx, keys)
		if err != nil {
			return err
		}
		for i, key := range keys {
			if err := s.again(ctx); err != nil {
				return err
			}
			id, err := s.id(key)
			if err != nil {
				return err
			}
			last, gone, err := s.expire(ctx, key, page[i], func(v *T) bool { return expired(id, v) })
			if err != nil {
				return err
			}
			if !gone {
				continue
			}
			n++
			if removed != nil {
				removed(id, last)
			}
		}
		return nil
	})
	return n, err
}

// page reads some sessions in one round trip.
func (s *Store[T]) page(ctx context.Context, keys []string) ([]*goredis.StringCmd, error) {
	gets := make([]*goredis.StringCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
		for i, key := range keys {
			gets[i] = p.Get(ctx, key)
		}
		return nil
	})
	if err != nil && err != goredis.Nil {
		return nil, notApplied(ctx, err)
	}
	return gets, nil
}

// expire removes a session if expired reports true for its last state, and returns that state.
func (s *Store[T]) expire(
	ctx context.Context, key string, get *goredis.StringCmd, expired func(*T) bool,
) (last T, gone bool, err error) {
	err = s.tries(ctx, func() error {
		if get == nil { // not the first try
			get = s.ask(ctx, "get", key)
		}
		r, err := read(ctx, key, get)
		if err != nil {
			return err
		}
		get, last = nil, *new(T)
		if err := s.decode(key, r, &last); err != nil {
			return manager.NotApplied(err)
		}
		if !expired(&last) {
			return nil
		}
		_, err = s.remove(ctx, key, r.identity())
		gone = err == nil
		return err
	})
	if err == manager.ErrNotFound {
		err = nil
	}
	return last, gone, err
}

// Len implements [manager.SessionStore]. It scans the whole database, including keys outside the prefix.
func (s *Store[T]) Len(ctx context.Context) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.leave()
	return s.count(ctx, s.sessions())
}

// censusPatience bounds a census, which has no ctx.
const censusPatience = time.Minute

// Census implements [manager.CensusReporter]. Locks are those held now. A count that fails is 0.
func (s *Store[T]) Census() manager.Census {
	ctx, cancel := context.WithTimeout(context.Background(), censusPatience)
	defer cancel()
	sessions, _ := s.count(ctx, s.sessions())
	locks, _ := s.count(ctx, s.locks())
	return manager.Census{Sessions: sessions, Locks: locks}
}

// Close implements [manager.SessionStore]. The sessions stay in Redis.
func (s *Store[T]) Close() error { return s.gate.close() }
