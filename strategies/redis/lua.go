package redis

import (
	"context"
	"time"
)

// comparer updates by a read, and a script that writes if incarnation and version are unchanged: two round trips.
type comparer struct {
	*space
	ttl time.Duration
}

func (c *comparer) update(ctx context.Context, key string, change change) error {
	now, err := read(ctx, key, c.ask(ctx, "get", key))
	if err != nil {
		return err
	}
	token := newToken()
	next, err := change(ctx, now, token)
	if err != nil {
		return err
	}
	p := &parcel{bytes: []byte(token)}
	answer, err := setScript.run(ctx, c.process, []string{key}, p, now.identity(), []byte(next), c.ttl.Milliseconds())
	if err != nil {
		return p.failed(ctx, err)
	}
	return written(answer, p)
}
