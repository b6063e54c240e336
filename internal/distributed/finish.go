package distributed

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Finish hands this participant's part over and waits until all others have finished or are lost. The last one to finish is
// the writer: it gets the parts, its own included, by number, makes of them what is to be made, and then calls
// [Party.Over]. For everybody else parts is nil, once the writer has done so; should it be lost, another one takes its place.
//
// The error is ctx's, an *[OutError] of a participant whose part is not among the others', or the server's when it has not
// answered for as long as a participant may be silent.
func (p *Party) Finish(ctx context.Context, part []byte) (parts map[int][]byte, err error) {
	if err := p.set(ctx, p.partKey(p.index), part); err != nil {
		return nil, err
	}
	for {
		s, err := p.askPatiently(ctx, request{at: nowhere, doing: "finish"})
		switch {
		case errors.As(err, new(*OutError)):
			return nil, errors.Join(err, p.remove(ctx, p.partKey(p.index)))
		case err != nil:
			return nil, err
		case s.over:
			return nil, nil
		case s.writer == p.index:
			return p.collect(ctx, s.done)
		}
		if err := pause(ctx, 5*p.often()); err != nil {
			return nil, err
		}
	}
}

func (p *Party) partKey(index int) string { return p.key + ":finished:" + strconv.Itoa(index) }

// collect reads the parts of those who have finished.
func (p *Party) collect(ctx context.Context, done string) (map[int][]byte, error) {
	parts := map[int][]byte{}
	for i, finished := range done {
		if finished != '1' {
			continue
		}
		part, err := p.get(ctx, p.partKey(i))
		if errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("run %s: what %s handed in is not there any more: was the server emptied?", p.o.RunID, name(i, p.o.Of, ""))
		}
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	return parts, nil
}

// Over tells the others that the parts were merged, and removes them. What is left of the run on the server says that its name
// is taken, for as long as [Retention].
func (p *Party) Over(ctx context.Context) error {
	if _, err := p.askPatiently(ctx, request{at: nowhere, doing: "over"}); err != nil {
		return err
	}
	for i := range p.o.Of {
		if err := p.remove(ctx, p.partKey(i)); err != nil {
			return err
		}
	}
	return nil
}
