package flawed

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs of stores in Redis, here an embedded server.

var _ = register(Flaw{
	Name:       "redis-get-set",
	How:        "an update is a GET, the change, and a SET",
	Copies:     "fastify-session #237: overlapping requests load the session, and each saves it whole",
	Guarantees: optimistic,
	Open:       flawedRedis(func(s *inRedis) { s.write = s.set }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: betweenReadAndWrite},
		{User: userB, Do: history.Append},
		{User: userA},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: append([]history.Anomaly{history.StaleRead}, afterDeath...),
})

var _ = register(Flaw{
	Name:       "redis-retry-twice",
	How:        "an update whose answer was lost is repeated, although it had taken effect",
	Copies:     "redis-py #261 and redis-rb #668: a command that timed out was sent again, although the server had executed it",
	Guarantees: optimistic,
	Open: flawedRedis(func(s *inRedis) {
		s.client.AddHook(&lossy{every: 4})
		s.retryLost = true
	}),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append},
		{User: userB, Do: history.Append},
		{User: userA, Do: history.Append},
		{User: userB, Do: history.Append},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.DuplicateWrite, history.WrongAnswer, history.RepeatedClosure, history.LostUpdate, history.AbortedRead},
})

// flawedRedis returns an Open function for a correct store that is then changed.
func flawedRedis(change func(*inRedis)) func(*verify.Turnstile) (manager.SessionStore[session], error) {
	return func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		s, err := newInRedis(t)
		if err != nil {
			return nil, err
		}
		change(s)
		return s, nil
	}
}

// inRedis stores each session as JSON under a separate key, and updates it with WATCH, MULTI and EXEC.
type inRedis struct {
	*verify.Turnstile
	server *miniredis.Miniredis
	client *redis.Client
	prefix string
	closed atomic.Bool
	inside sync.RWMutex // read-held by each operation, so that Close can wait for them

	write     func(ctx context.Context, key string, fn closure) error
	retryLost bool // repeat a write whose answer was lost
}

func newInRedis(t *verify.Turnstile) (*inRedis, error) {
	server, err := miniredis.Run()
	if err != nil {
		return nil, err
	}
	s := &inRedis{Turnstile: t, server: server, prefix: uuid.NewString() + ":"}
	s.client = redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, PoolSize: 32, DisableIdentity: true})
	s.write = s.compareAndSet
	return s, nil
}

func (s *inRedis) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	if s.closed.Load() {
		return manager.ErrClosed
	}
	return nil
}

// enter is called first by every operation except Len.
func (s *inRedis) enter(ctx context.Context) (leave func(), err error) {
	if !s.inside.TryRLock() { // fails only during and after Close
		return nil, manager.ErrClosed
	}
	if err := s.ready(ctx); err != nil {
		s.inside.RUnlock()
		return nil, err
	}
	return s.inside.RUnlock, nil
}

func (s *inRedis) key(id manager.ID) string { return s.prefix + id.String() }

// decode decodes the answer to GET.
func decode(text string, err error) (v *session, _ error) {
	if errors.Is(err, redis.Nil) {
		return nil, manager.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	v = new(session)
	return v, json.Unmarshal([]byte(text), v)
}

func encode(v *session) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // never happens for a session
	}
	return string(text)
}

// GetOrCreate implements [manager.SessionStore].
func (s *inRedis) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	for {
		if err := s.ready(ctx); err != nil {
			return false, err
		}
		ctx := context.WithoutCancel(ctx)
		v, err := decode(s.client.Get(ctx, s.key(id)).Result())
		if err == nil {
			callView(view, v)
			return false, nil
		}
		if !errors.Is(err, manager.ErrNotFound) {
			return false, err
		}
		fresh := create()
		created, err := s.client.SetNX(ctx, s.key(id), encode(&fresh), 0).Result()
		if err != nil {
			return false, err
		}
		if created {
			callView(view, &fresh)
			return true, nil
		}
	}
}

// View implements [manager.SessionStore].
func (s *inRedis) View(ctx context.Context, id manager.ID, fn closure) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	v, err := decode(s.client.Get(context.WithoutCancel(ctx), s.key(id)).Result())
	if err != nil {
		return err
	}
	return fn(ctx, v)
}

// Update implements [manager.SessionStore].
func (s *inRedis) Update(ctx context.Context, id manager.ID, fn closure) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	for {
		if err := s.ready(ctx); err != nil {
			return err
		}
		err := s.write(ctx, s.key(id), fn)
		switch {
		case errors.Is(err, redis.TxFailedErr):
		case errors.Is(err, io.ErrUnexpectedEOF) && s.retryLost:
		default:
			return err
		}
	}
}

// compareAndSet is correct: the key has not changed between GET and SET.
func (s *inRedis) compareAndSet(ctx context.Context, key string, fn closure) error {
	plain := context.WithoutCancel(ctx)
	return s.client.Watch(plain, func(tx *redis.Tx) error {
		v, err := decode(tx.Get(plain, key).Result())
		if err != nil {
			return err
		}
		if err := fn(ctx, v); err != nil {
			return err
		}
		_, err = tx.TxPipelined(plain, func(p redis.Pipeliner) error {
			p.Set(plain, key, encode(v), 0)
			return nil
		})
		return err
	}, key)
}

// set overwrites the key, even if it has changed since GET.
func (s *inRedis) set(ctx context.Context, key string, fn closure) error {
	plain := context.WithoutCancel(ctx)
	v, err := decode(s.client.Get(plain, key).Result())
	if err != nil {
		return err
	}
	if err := fn(ctx, v); err != nil {
		return err
	}
	s.Pass(ctx, betweenReadAndWrite)
	return s.client.Set(plain, key, encode(v), 0).Err()
}

// Delete implements [manager.SessionStore].
func (s *inRedis) Delete(ctx context.Context, id manager.ID) (last session, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return last, err
	}
	defer leave()
	v, err := decode(s.client.GetDel(context.WithoutCancel(ctx), s.key(id)).Result())
	if err != nil {
		return last, err
	}
	return *v, nil
}

// Sweep implements [manager.SessionStore].
func (s *inRedis) Sweep(ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session)) (n int, err error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	plain := context.WithoutCancel(ctx)
	keys, err := s.client.Keys(plain, s.prefix+"*").Result()
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		id, err := uuid.Parse(strings.TrimPrefix(key, s.prefix))
		if err != nil {
			return n, err
		}
		last, done, err := s.expire(plain, key, func(v *session) bool { return expired(id, v) })
		if err != nil {
			return n, err
		}
		if done {
			n++
			if removed != nil {
				removed(id, *last)
			}
		}
	}
	return n, nil
}

// expire deletes an expired key, and checks again if the key changes meanwhile.
func (s *inRedis) expire(ctx context.Context, key string, expired func(*session) bool) (v *session, done bool, err error) {
	err = redis.TxFailedErr
	for errors.Is(err, redis.TxFailedErr) {
		done = false
		err = s.client.Watch(ctx, func(tx *redis.Tx) (err error) {
			if v, err = decode(tx.Get(ctx, key).Result()); err != nil || !expired(v) {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Del(ctx, key)
				return nil
			})
			done = err == nil
			return err
		}, key)
	}
	if errors.Is(err, manager.ErrNotFound) {
		err = nil
	}
	return v, done, err
}

// Len implements [manager.SessionStore].
func (s *inRedis) Len(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, manager.NotApplied(err)
	}
	if !s.inside.TryRLock() {
		return 0, nil
	}
	defer s.inside.RUnlock()
	if s.closed.Load() {
		return 0, nil
	}
	keys, err := s.client.Keys(ctx, s.prefix+"*").Result()
	return len(keys), err
}

// Close implements [manager.SessionStore]. It waits for running operations.
func (s *inRedis) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.inside.Lock()
	defer s.inside.Unlock()
	err := s.client.Close()
	s.server.Close()
	return err
}

func isWrite(c redis.Cmder) bool { return c.Name() == "set" }

// lossy loses the answer to every nth write, which the server has executed.
type lossy struct {
	every  int64
	writes atomic.Int64
}

var _ redis.Hook = (*lossy)(nil)

func (l *lossy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *lossy) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (l *lossy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		if err == nil && slices.ContainsFunc(cmds, isWrite) && l.writes.Add(1)%l.every == 0 {
			for _, c := range cmds {
				c.SetErr(io.ErrUnexpectedEOF)
			}
			return io.ErrUnexpectedEOF
		}
		return err
	}
}
