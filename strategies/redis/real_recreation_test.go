package redis_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/strategies/redis"
)

// TestRealRecreation deletes a session and creates it again during an update of it. The new one has the same number of
// writes as the old one, but is another incarnation, which must not be overwritten.
func TestRealRecreation(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, way := range storeWays() {
		t.Run(way.name, func(t *testing.T) {
			c := connect(t, redis.Options{URL: server.URL(), Users: 1})
			b := way.open(t, c.Client(), c.Prefix()).(storeBackend)
			id, runs := uuid.New(), 0
			if _, _, err := b.begin(background, id, "first"); err != nil {
				t.Fatal(err)
			}
			_ = b.Update(background, id, func(ctx context.Context, l *ledger) error { // may be refused, or made on the second incarnation
				if runs++; runs == 1 {
					if _, err := b.Delete(ctx, id); err != nil {
						t.Error(err)
					}
					if _, _, err := b.begin(ctx, id, "second"); err != nil {
						t.Error(err)
					}
				}
				l.Ops = append(l.Ops, "update of "+l.Incarnation)
				return nil
			})
			found, err := b.read(background, id)
			if err != nil || found.Incarnation != "second" || len(found.Ops) > 0 && found.Ops[0] != "update of second" {
				t.Errorf("%+v, error %v: want the second incarnation, without updates of the first", found, err)
			}
		})
	}
}
