package flawed

import (
	"context"
	"encoding/binary"
	"runtime"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const betweenReadAndIncrement = "between read and increment"

var _ = register(Flaw{
	Name:   "duplicate-ids",
	How:    "ids come from a counter that is read and incremented in two steps, and an existing id is not noticed",
	Copies: "tower-sessions #180: the same id is issued twice",
	Open:   on(func(s *correct) store { return s }),
	NewCreator: func(s store, t *verify.SyncPoints) verify.Creator {
		return &counting{store: s, SyncPoints: t}
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.Create, Hold: betweenReadAndIncrement},
		{User: userB, Do: history.Create},
		{User: userA},
	},
	Kills: []history.Anomaly{history.DoubleCreation},
})

// counting creates ids from a counter.
type counting struct {
	store
	*verify.SyncPoints
	last atomic.Uint64
}

func (c *counting) CreateSession(ctx context.Context) (manager.ID, error) {
	n := c.last.Load() + 1
	c.Reach(ctx, betweenReadAndIncrement)
	runtime.Gosched() // as with a counter in a file or a database: other goroutines run in between
	c.last.Store(n)
	id := countedID(n)
	_, err := c.GetOrCreate(ctx, id, func() session { return session{Incarnation: manager.IncarnationOf(id)} }, nil)
	return id, err
}

// countedID returns an id that looks like a random UUID.
func countedID(n uint64) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(id[8:], n*0xbf58476d1ce4e5b9)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
