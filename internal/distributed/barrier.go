package distributed

import (
	"context"
	"fmt"
	"time"
)

// Barrier waits until every participant that is not lost has come to this start or a later one, and then for the instant
// fixed for it, which is the same for all: no message is sent at the start, so no participant receives it last. Starts are
// numbered from 0. Each participant comes to them in order and may skip some.
//
// The error is ctx's cause, an *[OutError], or the server's after it has not answered for Options.Silence.
func (p *Participant) Barrier(ctx context.Context, start int) error {
	var best state
	for {
		s, err := p.retryStep(ctx, request{at: start})
		if err != nil {
			return err
		}
		if s.over {
			return fmt.Errorf("run %s is over", p.o.RunID)
		}
		if !s.start.IsZero() && (best.start.IsZero() || s.off < best.off) {
			best = s
		}
		if left := time.Until(best.start); !best.start.IsZero() && left < 2*p.interval() {
			if err := pause(ctx, left); err != nil {
				return err
			}
			p.began, p.passed = best.off+max(0, time.Since(best.start)), start
			p.skew = max(p.skew, p.began)
			return nil
		}
		if err := pause(ctx, p.interval()); err != nil {
			return err
		}
	}
}

// Skew is the largest deviation of this participant's starts from the fixed instants: half of the round trip that read the
// server's clock, plus the delay of waking up. Two participants started at most the sum of their skews apart.
func (p *Participant) Skew() time.Duration { return p.skew }
