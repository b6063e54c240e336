package flawed

import (
	"context"
	"maps"
	"slices"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

const duringGrowth = "during growth"

// leastCapacity is the number of sessions at which a growing index is first replaced by a larger one.
const leastCapacity = 8

var _ = register(Flaw{
	Name:   "insert-lost-in-growth",
	How:    "an insertion that goes into the old index after it was copied into a larger one is lost",
	Copies: "puzpuzpuz/xsync #109 and cornelk/hashmap #54: writes are lost while the table grows",
	Open:   on(func(s *correct) store { return &growing{correct: s, capacity: leastCapacity} }),
	Schedule: append(creations(leastCapacity), verify.Schedule{
		{User: userA, Do: history.GetOrCreate, Slot: leastCapacity, Hold: duringGrowth},
		{User: userB, Do: history.GetOrCreate, Slot: leastCapacity + 1},
		{User: userA},
		{User: userB, Do: history.ReadMessages, Slot: leastCapacity + 1},
	}...),
	Kills: []history.Anomaly{history.LostSession, history.DoubleCreation, history.LostUpdate, history.Resurrection},
})

// creations returns a schedule in which a user creates n sessions.
func creations(n int) (s verify.Schedule) {
	for slot := range n {
		s = append(s, verify.Line{User: userA, Do: history.GetOrCreate, Slot: slot})
	}
	return s
}

// growing replaces its table by one of twice the size whenever it is full.
type growing struct {
	*correct
	capacity int // protected by mu
}

func (s *growing) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	return s.getOrCreate(ctx, id, create, view, func(e *entry) bool {
		s.grow(ctx)
		return s.insert(id, e)
	})
}

// grow copies a full table entry by entry, while others use it. Sessions that are removed meanwhile are removed from the copy, too; those
// that are inserted are forgotten.
func (s *growing) grow(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.table) < s.capacity {
		return
	}
	s.capacity *= 2
	larger := make(map[manager.ID]*entry, s.capacity)
	for _, id := range slices.Collect(maps.Keys(s.table)) {
		larger[id] = s.table[id]
		s.mu.Unlock()
		s.Reach(ctx, duringGrowth)
		s.mu.Lock()
	}
	maps.DeleteFunc(larger, func(id manager.ID, e *entry) bool { return e == nil || s.table[id] != e })
	s.table = larger
}
