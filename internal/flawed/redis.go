package flawed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Bugs of stores in Redis, here an embedded server.

var _ = register(Flaw{
	Name:       "redis-get-set",
	How:        "an update is a GET, the change, and a SET",
	Copies:     "fastify-session #237: overlapping requests load the session, and each saves it whole",
	Guarantees: optimistic,
	Open:       onRedis(func(s *inRedis) store { return getSet{s} }),
	Schedule:   updateInUpdate,
	Kills:      append([]history.Anomaly{history.StaleRead}, afterDeath...),
})

type getSet struct{ *inRedis }

func (s getSet) Update(ctx context.Context, id manager.ID, fn closure) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	plain, key := context.WithoutCancel(ctx), s.server.Prefix()+"{"+id.String()+"}"
	read, err := s.server.Client().Get(plain, key).Bytes()
	if errors.Is(err, goredis.Nil) {
		return manager.ErrNotFound
	}
	if err != nil {
		return err
	}
	begin := bytes.IndexByte(read, '{') // of the JSON, behind what the store keeps
	var v session
	if err := json.Unmarshal(read[begin:], &v); err != nil {
		return err
	}
	if err := fn(ctx, &v); err != nil {
		return err
	}
	s.Reach(ctx, betweenReadAndWrite)
	changed, err := json.Marshal(&v)
	if err != nil {
		return err
	}
	return s.server.Client().Set(plain, key, append(read[:begin], changed...), 0).Err()
}

var _ = register(Flaw{
	Name:       "redis-retry-twice",
	How:        "an update whose answer was lost is repeated, although it had taken effect",
	Copies:     "redis-py #261 and redis-rb #668: a command that timed out was sent again, although the server had executed it",
	Guarantees: optimistic,
	Open: onRedis(func(s *inRedis) store {
		s.server.Client().AddHook(&lossy{every: 4})
		return retryTwice{s}
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

type retryTwice struct{ *inRedis }

func (s retryTwice) Update(ctx context.Context, id manager.ID, fn closure) error {
	for {
		if err := s.store.Update(ctx, id, fn); !errors.Is(err, manager.ErrIndeterminate) {
			return err
		}
	}
}

// lossy loses the answer to every nth write of an update, which the server has executed.
type lossy struct {
	every  int64
	writes atomic.Int64
}

var _ goredis.Hook = (*lossy)(nil)

func (l *lossy) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (l *lossy) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (l *lossy) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
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

func isWrite(c goredis.Cmder) bool { return c.Name() == "set" }

// inRedis is a store without a flaw, with an embedded server.
type inRedis struct {
	*verify.SyncPoints
	store
	server *redis.Server
}

// onRedis returns an Open function for a flaw of a store in Redis.
func onRedis(flaw func(*inRedis) store) func(*verify.SyncPoints) (store, error) {
	return func(t *verify.SyncPoints) (store, error) {
		s, err := newInRedis(t)
		if err != nil {
			return nil, err
		}
		return flaw(s), nil
	}
}

func newInRedis(t *verify.SyncPoints) (*inRedis, error) {
	server, err := redis.Connect(context.Background(), redis.Options{Users: verify.DefaultUsers})
	if err != nil {
		return nil, err
	}
	s, err := redis.New[session](server.Client(), server.Prefix())
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return &inRedis{t, s, server}, nil
}

// Close implements [manager.SessionStore]. It stops the server, too.
func (s *inRedis) Close() error { return errors.Join(s.store.Close(), s.server.Close()) }
