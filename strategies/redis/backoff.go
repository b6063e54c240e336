package redis

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of a wait between two tries. The first is about a round trip, the last some tens of them.
const (
	leastPause = 200 * time.Microsecond
	mostPause  = 20 * time.Millisecond
)

// backoff spaces out the tries of one operation: each waits a random part of a span that doubles with every try (full jitter,
// https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that clients that collided once spread out.
// The zero value is ready.
type backoff struct{ span time.Duration }

// wait returns nil at the time of the next try, or earlier the error of ctx or of the gate.
func (b *backoff) wait(ctx context.Context, g *gate) error {
	b.span = min(max(2*b.span, leastPause), mostPause)
	timer := time.NewTimer(rand.N(b.span))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-g.closing:
	}
	return g.again(ctx)
}
