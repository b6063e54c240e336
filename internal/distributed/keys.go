package distributed

import "context"

// set, get and remove access one key, with retries. For a missing key get returns an error that wraps [redis.Nil].
func (p *Participant) set(ctx context.Context, key string, data []byte) error {
	return p.retry(ctx, func() error { return p.serverError(p.o.Client.Set(ctx, key, data, Retention).Err()) })
}

func (p *Participant) get(ctx context.Context, key string) (data []byte, err error) {
	err = p.retry(ctx, func() error {
		data, err = p.o.Client.Get(ctx, key).Bytes()
		return p.serverError(err)
	})
	return data, err
}

func (p *Participant) remove(ctx context.Context, key string) error {
	return p.retry(ctx, func() error { return p.serverError(p.o.Client.Del(ctx, key).Err()) })
}
