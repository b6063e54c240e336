package distributed

import "context"

// set, get and remove are of one key, patiently. The error of what is not there is [redis.Nil].
func (p *Party) set(ctx context.Context, key string, what []byte) error {
	return p.patiently(ctx, func() error { return p.failed(p.o.Client.Set(ctx, key, what, Retention).Err()) })
}

func (p *Party) get(ctx context.Context, key string) (what []byte, err error) {
	err = p.patiently(ctx, func() error {
		what, err = p.o.Client.Get(ctx, key).Bytes()
		return p.failed(err)
	})
	return what, err
}

func (p *Party) remove(ctx context.Context, key string) error {
	return p.patiently(ctx, func() error { return p.failed(p.o.Client.Del(ctx, key).Err()) })
}

func (p *Party) failed(err error) error {
	if err == nil {
		return nil
	}
	return p.unanswered(err)
}
