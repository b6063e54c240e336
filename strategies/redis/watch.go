package redis

import (
	"context"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// watcher updates by WATCH/MULTI/EXEC (https://redis.io/docs/latest/develop/using-commands/transactions/), in two round trips: WATCH
// and GET are sent together, and so are MULTI, SET and EXEC. Both use one connection, exclusively while fn runs.
type watcher struct {
	*space
	ttl time.Duration
}

func (w *watcher) update(ctx context.Context, key string, change change) error {
	node, err := w.node(ctx, key)
	if err != nil {
		return notApplied(ctx, err)
	}
	return node.Watch(ctx, func(tx *goredis.Tx) error { return w.transact(ctx, tx, key, change) })
}

func (w *watcher) transact(ctx context.Context, tx *goredis.Tx, key string, change change) error {
	var get *goredis.StringCmd
	watched := true // until EXEC, which ends it whatever the reply
	defer func() {
		if watched {
			tx.Unwatch(context.WithoutCancel(ctx))
		}
	}()
	_, err := tx.Pipelined(ctx, func(p goredis.Pipeliner) error {
		_ = p.Process(ctx, goredis.NewStatusCmd(ctx, "watch", key))
		get = p.Get(ctx, key)
		return nil
	})
	if err != nil && err != goredis.Nil {
		return w.elsewhere(ctx, err)
	}
	now, err := read(ctx, key, get)
	if err != nil {
		return err
	}
	token := newToken()
	next, err := change(ctx, now, token)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	p := &parcel{bytes: next, once: true} // a second EXEC would have no WATCH before it
	_, err = tx.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
		set := w.set(ctx, key, p)
		p.move(set)
		return pipe.Process(ctx, set)
	})
	switch {
	case err == nil:
		watched = false
		return nil
	case err == goredis.TxFailedErr:
		watched = false
		return p.unless(errConflict)
	case goredis.IsExecAbortError(err):
		watched = false
	}
	return p.failed(ctx, err)
}

func (w *watcher) set(ctx context.Context, key string, p *parcel) goredis.Cmder {
	if w.ttl > 0 {
		return goredis.NewStatusCmd(ctx, "set", key, p, "px", w.ttl.Milliseconds())
	}
	return goredis.NewStatusCmd(ctx, "set", key, p)
}

// elsewhere returns the error of a read that failed: *again if the key has moved to another server of a cluster, which the next try
// uses.
func (w *watcher) elsewhere(ctx context.Context, err error) error {
	refused := notApplied(ctx, err)
	cluster, ok := w.client.(*goredis.ClusterClient)
	if !ok {
		return refused
	}
	_, moved := goredis.IsMovedError(err)
	_, ask := goredis.IsAskError(err)
	if !moved && !ask && !goredis.IsTryAgainError(err) && !goredis.IsClusterDownError(err) {
		return refused
	}
	cluster.ReloadState(ctx)
	return &again{refused}
}
