package strategies

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
)

// BenchmarkStore is what one operation costs when nothing is done under the lock: all processors at once, on a thousand
// sessions, or all on one. For a comparison that is audited and interleaved, run sessbench.
func BenchmarkStore(b *testing.B) {
	add := func(_ context.Context, s *manager.Session) error { s.Touch(0); return nil }
	look := func(context.Context, *manager.Session) error { return nil }
	for _, strategy := range All() {
		for _, sessions := range []int{1000, 1} {
			store, ids := filled(b, strategy, sessions)
			name := strategy.Name + map[bool]string{true: "/hot", false: "/spread"}[sessions == 1]
			b.Run(name+"/update", func(b *testing.B) { benchmarkOp(b, ids, store.Update, add) })
			b.Run(name+"/view", func(b *testing.B) { benchmarkOp(b, ids, store.View, look) })
		}
	}
}

// BenchmarkOperation is one goroutine that performs an operation on one session after the other, of a hundred whose histories are
// full. `make instructions` counts its instructions, which other load on the machine does not change.
func BenchmarkOperation(b *testing.B) {
	harness, _ := Lookup("noop") // the cost of the loop and of the closures
	for _, strategy := range append(All(), harness) {
		b.Run(strategy.Name, func(b *testing.B) {
			store, ids := filled(b, strategy, 100)
			add := func(_ context.Context, s *manager.Session) error { s.Append("user", "a question"); return nil }
			for i := range manager.HistoryLimit * len(ids) {
				if err := store.Update(b.Context(), ids[i%len(ids)], add); err != nil {
					b.Fatal(err)
				}
			}
			b.Run("append", func(b *testing.B) {
				inTurn(b, ids, func(ctx context.Context, id manager.ID) error { return store.Update(ctx, id, add) })
			})
			b.Run("history", func(b *testing.B) {
				messages := make([]manager.Message, 0, manager.HistoryLimit)
				read := func(_ context.Context, s *manager.Session) error { messages = s.History(messages[:0]); return nil }
				inTurn(b, ids, func(ctx context.Context, id manager.ID) error { return store.View(ctx, id, read) })
			})
			b.Run("create-delete", func(b *testing.B) {
				absent := make([]manager.ID, len(ids))
				for i := range absent {
					absent[i] = uuid.New()
				}
				create := func() manager.Session { return manager.Session{} }
				inTurn(b, absent, func(ctx context.Context, id manager.ID) error {
					if _, err := store.GetOrCreate(ctx, id, create, nil); err != nil {
						return err
					}
					_, err := store.Delete(ctx, id)
					return err
				})
			})
		})
	}
}

// inTurn runs op on the sessions in turn, b.N times in all.
func inTurn(b *testing.B, ids []manager.ID, op func(context.Context, manager.ID) error) {
	b.ReportAllocs()
	ctx, at := context.Background(), 0
	for range b.N {
		if err := op(ctx, ids[at]); err != nil {
			b.Fatal(err)
		}
		if at++; at == len(ids) {
			at = 0
		}
	}
}

func filled(b *testing.B, strategy *Strategy, sessions int) (manager.SessionStore[manager.Session], []manager.ID) {
	b.Helper()
	p, err := strategy.Resolve(nil)
	if err != nil {
		b.Fatal(err)
	}
	store, err := strategy.Open(p)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	ids := make([]manager.ID, sessions)
	for i := range ids {
		ids[i] = uuid.New()
		if _, err := store.GetOrCreate(b.Context(), ids[i], func() manager.Session { return manager.Session{} }, nil); err != nil {
			b.Fatal(err)
		}
	}
	return store, ids
}

func benchmarkOp(
	b *testing.B, ids []manager.ID,
	op func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error,
	fn func(context.Context, *manager.Session) error,
) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		ctx, at := context.Background(), rand.IntN(len(ids))
		for pb.Next() {
			if err := op(ctx, ids[at], fn); err != nil {
				b.Error(err)
			}
			if at++; at == len(ids) {
				at = 0
			}
		}
	})
}
