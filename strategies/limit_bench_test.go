package strategies

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// BenchmarkLimit compares an append in each strategy that has a lock per session with the least that one can do: read a line of an
// index, lock the session on a second line, and write a message on a third, each of which is known only when the one before has been
// read. An operation
// begins when the result of the one before is known, as those of a user do, so that processors cannot overlap them.
// The two loops take turns, so that a machine whose speed drifts treats them alike.
func BenchmarkLimit(b *testing.B) {
	const operations = 1 << 20
	for _, sessions := range []int{100, 1_000_000} {
		order := make([]int, operations)
		for i := range order {
			order[i] = rand.IntN(sessions)
		}
		least := newLeast(sessions)
		for _, name := range []string{"clht", "xsync", "sync-map"} {
			strategy, _ := Lookup(name)
			store, ids := filled(b, strategy, sessions)
			user, ctx := manager.NewChatbot(store).User(), b.Context()
			for _, id := range ids {
				for range manager.HistoryLimit {
					if _, err := user.AddMessage(ctx, id, "user", "hello"); err != nil {
						b.Fatal(err)
					}
				}
			}
			asked := make([]manager.ID, operations) // in the order of use, so that only the store is read at random
			for i, at := range order {
				asked[i] = ids[at]
			}
			for round := range 5 {
				b.Run(fmt.Sprintf("sessions=%d/%s/round=%d/least", sessions, name, round), func(b *testing.B) {
					for i, last := 0, uint64(0); i < b.N; i++ {
						last = least.add(order[(i+int(last>>63))%operations], "user", "hello")
					}
				})
				b.Run(fmt.Sprintf("sessions=%d/%s/round=%d/store", sessions, name, round), func(b *testing.B) {
					for i, last := 0, uint64(0); i < b.N; i++ {
						last, _ = user.AddMessage(ctx, asked[(i+int(last>>63))%operations], "user", "hello")
					}
				})
			}
		}
	}
}

// least is sessions that are found by their numbers.
type least struct{ index []leastLine }

type leastLine struct {
	entry *leastEntry
	_     [56]byte
}

type leastEntry struct {
	mu       sync.Mutex
	seq      uint64
	messages *[manager.HistoryLimit]leastMessage
	_        [40]byte
}

type leastMessage struct{ role, content string }

func newLeast(sessions int) *least {
	l := &least{index: make([]leastLine, sessions)}
	for _, at := range rand.Perm(sessions) {
		l.index[at].entry = &leastEntry{messages: new([manager.HistoryLimit]leastMessage)}
	}
	return l
}

func (l *least) add(at int, role, content string) uint64 {
	e := l.index[at].entry
	e.mu.Lock()
	defer e.mu.Unlock()
	e.messages[e.seq%manager.HistoryLimit] = leastMessage{role, content}
	e.seq++
	return e.seq
}
