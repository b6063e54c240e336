package distributed

import (
	"context"
	"fmt"
	"time"
)

// Barrier waits until every participant that is not lost has come to this start or a later one, and then for the instant
// that was fixed for it, the same for all: nobody is told to begin, so that nobody is told last. Starts are numbered
// from 0, and each participant comes to them in order; it may leave some out.
//
// The error is ctx's, an *[OutError], or the server's when it has not answered for as long as a participant may be silent.
func (p *Party) Barrier(ctx context.Context, start int) error {
	var best state
	for {
		s, err := p.askPatiently(ctx, request{at: start})
		if err != nil {
			return err
		}
		if s.over {
			return fmt.Errorf("run %s is over", p.o.RunID)
		}
		if !s.start.IsZero() && (best.start.IsZero() || s.off < best.off) {
			best = s
		}
		if left := time.Until(best.start); !best.start.IsZero() && left < 2*p.often() {
			if err := pause(ctx, left); err != nil {
				return err
			}
			p.began, p.passed = best.off+max(0, time.Since(best.start)), start
			p.skew = max(p.skew, p.began)
			return nil
		}
		if err := pause(ctx, p.often()); err != nil {
			return err
		}
	}
}

// Skew is how far from the instant that was fixed this participant began after a barrier, at most: half of what the
// question took in which it learned the server's time, and what it woke up late. Two participants began no
// further apart than the sum of theirs.
func (p *Party) Skew() time.Duration { return p.skew }
