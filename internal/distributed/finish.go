package distributed

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// Finish sends this participant's part and waits until all others have finished or are lost. The last one to finish is the
// writer: it receives all parts by index, merges them, and then calls [Participant.Over]. For the others parts is nil, after
// the writer has called Over; if the writer is lost, another participant takes its place.
//
// The error is ctx's cause, an *[OutError] where this participant's part is left out, or the server's after it has not answered
// for Options.Silence.
func (p *Participant) Finish(ctx context.Context, part []byte) (parts map[int][]byte, err error) {
	if err := p.set(ctx, p.partKey(p.index), part); err != nil {
		return nil, err
	}
	for {
		s, err := p.retryStep(ctx, request{at: nowhere, action: "finish"})
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
		if err := pause(ctx, 5*p.interval()); err != nil {
			return nil, err
		}
	}
}

func (p *Participant) partKey(index int) string { return p.key + ":finished:" + strconv.Itoa(index) }

// collect reads the parts of the participants that have finished.
func (p *Participant) collect(ctx context.Context, done string) (map[int][]byte, error) {
	parts := map[int][]byte{}
	for i, finished := range done {
		if finished != '1' {
			continue
		}
		part, err := p.get(ctx, p.partKey(i))
		if errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("run %s: the part of %s is not on the server: was it emptied?", p.o.RunID, name(i, p.o.Of, ""))
		}
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	return parts, nil
}

// Over lets the others return from Finish, and removes the parts. The server keeps the run ID reserved for [Retention].
func (p *Participant) Over(ctx context.Context) error {
	if _, err := p.retryStep(ctx, request{at: nowhere, action: "over"}); err != nil {
		return err
	}
	for i := range p.o.Of {
		if err := p.remove(ctx, p.partKey(i)); err != nil {
			return err
		}
	}
	return nil
}
