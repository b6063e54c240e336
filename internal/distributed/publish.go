package distributed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"
)

// published is data that this participant has published.
type published struct {
	key   string
	after int // the last start before
}

// Publish sends data to the other participants under a name that this participant uses once. They call [Participant.Await]
// before the next start; some time after that the data is removed.
//
// The error is ctx's cause, or the server's after it has not answered for Options.Silence.
func (p *Participant) Publish(ctx context.Context, name string, data []byte) error {
	old := slices.IndexFunc(p.published, func(g published) bool { return g.after >= p.passed })
	if old < 0 {
		old = len(p.published)
	}
	if err := p.retry(ctx, func() error { return p.unpublish(ctx, old) }); err != nil {
		return err
	}
	item := published{p.dataKey(name, p.index), p.passed}
	if err := p.set(ctx, item.key, data); err != nil {
		return err
	}
	p.published = append(p.published, item)
	return nil
}

func (p *Participant) dataKey(name string, index int) string {
	return fmt.Sprintf("%s:%s:%d", p.key, name, index)
}

// unpublish removes the oldest n items.
func (p *Participant) unpublish(ctx context.Context, n int) error {
	for _, item := range p.published[:n] {
		if err := p.serverError(p.o.Client.Del(ctx, item.key).Err()); err != nil {
			return err
		}
	}
	p.published = p.published[n:]
	return nil
}

// Await waits for the data that the given participants publish under a name, and returns it by index. Participants that are
// lost or have finished without publishing are left out.
//
// The error is ctx's cause, an *[OutError], or the server's after it has not answered for Options.Silence.
func (p *Participant) Await(ctx context.Context, name string, from ...int) (map[int][]byte, error) {
	found := map[int][]byte{}
	for {
		s, err := p.retryStep(ctx, request{at: nowhere})
		if err != nil {
			return nil, err
		}
		waiting := false
		for _, i := range from {
			if _, there := found[i]; there {
				continue
			}
			data, err := p.get(ctx, p.dataKey(name, i))
			switch {
			case err == nil:
				found[i] = data
			case !errors.Is(err, redis.Nil):
				return nil, err
			case !s.gone(i): // s is older than the read: a participant that was gone then had published before
				waiting = true
			}
		}
		if !waiting {
			return maps.Clone(found), nil
		}
		if err := pause(ctx, p.interval()); err != nil {
			return nil, err
		}
	}
}
