package flawed

import (
	"context"
	"math/rand/v2"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs that occur once in many operations: only many operations find them, whatever the schedule.

// onceIn reports true in one of n calls, and always in a schedule.
func (s *correct) onceIn(n int) bool { return s.SyncPoints != nil || rand.IntN(n) == 0 }

var _ = register(Flaw{
	Name:       "twice-in-10000",
	How:        "one update in ten thousand is applied twice",
	Copies:     "redis/jedis #3187: INCR is sent again after a time-out, although the server executes it",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksSession},
	Open:       on(func(s *correct) store { return rarelyTwice{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Append},
		{User: userB, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.DuplicateWrite, history.LostUpdate, history.WrongAnswer},
})

type rarelyTwice struct{ *correct }

func (s rarelyTwice) Update(ctx context.Context, id manager.ID, fn closure) error {
	return s.correct.Update(ctx, id, func(ctx context.Context, v *session) error {
		if err := fn(ctx, v); err != nil || !s.onceIn(10_000) {
			return err
		}
		return fn(ctx, v)
	})
}

var _ = register(Flaw{
	Name:   "torn-in-100",
	How:    "one read in a hundred copies the messages under one hold of the lock and the fields under another",
	Copies: "TencentCloud/CubeSandbox #1375: an entry of the cache is overwritten in place while readers use it",
	Open:   on(func(s *correct) store { return rarelyTorn{s, tornRead{s}} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.ReadFields, Hold: betweenHalves},
		{User: userA, Do: history.Update},
		{User: userB},
	},
	Kills: []history.Anomaly{history.FracturedRead, history.FutureRead, history.StaleRead, history.DeletedRead, history.LeftoverData},
})

type rarelyTorn struct {
	*correct
	torn tornRead
}

func (s rarelyTorn) View(ctx context.Context, id manager.ID, fn closure) error {
	if s.onceIn(100) {
		return s.torn.View(ctx, id, fn)
	}
	return s.correct.View(ctx, id, fn)
}
