package distributed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/redis/go-redis/v9"
)

// gift is something that this participant has given to the others.
type gift struct {
	key   string
	after int // the start that had been when it was given
}

// Give hands something to the others under a name that this participant uses once. They have to [Party.Take] it before they
// come to the next start: some time after that it is removed.
//
// The error is ctx's, or the server's when it has not answered for as long as a participant may be silent.
func (p *Party) Give(ctx context.Context, name string, what []byte) error {
	old := slices.IndexFunc(p.gifts, func(g gift) bool { return g.after >= p.passed })
	if old < 0 {
		old = len(p.gifts)
	}
	if err := p.patiently(ctx, func() error { return p.takeBack(ctx, old) }); err != nil {
		return err
	}
	g := gift{p.giftKey(name, p.index), p.passed}
	if err := p.set(ctx, g.key, what); err != nil {
		return err
	}
	p.gifts = append(p.gifts, g)
	return nil
}

func (p *Party) giftKey(name string, index int) string {
	return fmt.Sprintf("%s:%s:%d", p.key, name, index)
}

// takeBack removes the oldest n gifts.
func (p *Party) takeBack(ctx context.Context, n int) error {
	for _, g := range p.gifts[:n] {
		if err := p.o.Client.Del(ctx, g.key).Err(); err != nil {
			return p.unanswered(err)
		}
	}
	p.gifts = p.gifts[n:]
	return nil
}

// Take waits for what some of the participants, this one perhaps among them, give under a name: by their numbers. Who is lost,
// or has finished, without giving is left out.
//
// The error is ctx's, an *[OutError], or the server's when it has not answered for as long as a participant may be silent.
func (p *Party) Take(ctx context.Context, name string, from ...int) (map[int][]byte, error) {
	found := map[int][]byte{}
	for {
		s, err := p.askPatiently(ctx, request{at: nowhere})
		if err != nil {
			return nil, err
		}
		waiting := false
		for _, i := range from {
			if _, there := found[i]; there {
				continue
			}
			what, err := p.get(ctx, p.giftKey(name, i))
			switch {
			case err == nil:
				found[i] = what
			case !errors.Is(err, redis.Nil):
				return nil, err
			case !s.gone(i): // it was asked first: who had gone by then has given what it was to give
				waiting = true
			}
		}
		if !waiting {
			return maps.Clone(found), nil
		}
		if err := pause(ctx, p.often()); err != nil {
			return nil, err
		}
	}
}
