package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in Close.

var _ = register(Flaw{
	Name:   "close-does-not-wait",
	How:    "Close returns while closures run",
	Copies: "jaegertracing/jaeger #7940 and ipld/go-storethehash #25: a store was closed while goroutines were still writing to it",
	Open:   on(func(s *correct) store { return doesNotWait{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append, Hold: verify.Inside},
		{User: userB, Close: true},
		{User: userA},
	},
	Kills: []history.Anomaly{history.EarlyClose, history.UsedAfterClose},
})

type doesNotWait struct{ *correct }

func (s doesNotWait) Close() error {
	s.closed.Store(true)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.table)
	return nil
}

var _ = register(Flaw{
	Name:   "update-after-close",
	How:    "an update on a closed store changes a session that no operation finds any more, and returns success",
	Copies: "jellydator/ttlcache #29: what Get, Set and Remove do after Close was not defined",
	Open:   on(func(s *correct) store { return updatesAfterClose{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Close: true},
		{User: userA, Do: history.Append},
	},
	Kills: append([]history.Anomaly{history.UsedAfterClose}, afterDeath...), // of an update that was called before Close returned
})

type updatesAfterClose struct{ *correct }

func (s updatesAfterClose) Update(ctx context.Context, id manager.ID, fn closure) error {
	err := s.correct.Update(ctx, id, fn)
	if err == manager.ErrClosed {
		return fn(ctx, &session{})
	}
	return err
}
