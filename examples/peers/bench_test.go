package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// BenchmarkStore is a loop around chatbots on every strategy of sessbench and every peer, without sessbench's users, clocks,
// histograms and audit. It confirms the results of runs, whose trials are interleaved and which are the better comparison:
//
//	go test -run '^$' -bench '/store=(xsync|otter)/sessions=100/' -count 10
func BenchmarkStore(b *testing.B) {
	all := strategies.All()
	for _, p := range peers {
		s := p.strategy()
		all = append(all, &s)
	}
	for _, s := range all {
		for _, sessions := range []int{100, 100_000, 1_000_000} {
			b.Run(fmt.Sprintf("store=%s/sessions=%d", s.Name, sessions), func(b *testing.B) {
				messages := manager.HistoryLimit
				if sessions >= 1_000_000 {
					messages = 1
				}
				store, ids := filled(b, s, sessions, messages)
				for _, goroutines := range []int{2, 100} {
					for _, mix := range []mix{{"append", 0}, {"chatbot", 1. / 3}, {"history", 0.95}} {
						b.Run(fmt.Sprintf("goroutines=%d/mix=%s", goroutines, mix.name), func(b *testing.B) {
							mix.run(b, store, ids, goroutines)
						})
					}
				}
			})
		}
	}
}

// BenchmarkMemory measures the bytes that a million sessions take, empty and with a full history of messages of 76 bytes.
func BenchmarkMemory(b *testing.B) {
	const sessions = 1_000_000
	for _, p := range peers {
		s := p.strategy()
		for _, messages := range []int{0, manager.HistoryLimit} {
			b.Run(fmt.Sprintf("store=%s/messages=%d", p.name, messages), func(b *testing.B) {
				for range b.N {
					before := heapInUse()
					store, _ := filled(b, &s, sessions, messages)
					b.ReportMetric(float64(heapInUse()-before)/sessions, "B/session")
					runtime.KeepAlive(store)
				}
			})
		}
	}
}

// heapInUse returns the bytes of reachable objects.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// filled returns a store of sessions with so many messages, each with memory of its own.
func filled(b *testing.B, s *strategies.Strategy, sessions, messages int) (manager.SessionStore[manager.Session], []manager.ID) {
	b.Helper()
	params, err := s.Resolve(nil)
	if err != nil {
		b.Fatal(err)
	}
	store, err := s.Open(params)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	ids := make([]manager.ID, sessions)
	for i := range ids {
		ids[i] = uuid.New()
		create := func() (v manager.Session) {
			for range messages {
				v.Append("user", strings.Clone(content))
			}
			return v
		}
		if _, err := store.GetOrCreate(b.Context(), ids[i], create, nil); err != nil {
			b.Fatal(err)
		}
	}
	return store, ids
}

const content = "a message of the usual length, which is that of a question and of its answer"

// mix is a mix of operations on random sessions.
type mix struct {
	name  string
	reads float64 // share of histories; the others are appends
}

func (m mix) run(b *testing.B, store manager.SessionStore[manager.Session], ids []manager.ID, goroutines int) {
	b.ReportAllocs()
	bot := manager.NewChatbot(store)
	var wg sync.WaitGroup
	b.ResetTimer()
	for g := range goroutines {
		n := (b.N + g) / goroutines
		wg.Go(func() {
			if err := m.use(bot.User(), ids, n, rand.NewPCG(1, uint64(g))); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func (m mix) use(user *manager.ChatUser, ids []manager.ID, n int, draw *rand.PCG) (err error) {
	ctx := context.Background()
	history := make([]manager.Message, 0, manager.HistoryLimit)
	reads := uint64(m.reads * (1 << 32))
	for range n {
		r := draw.Uint64()
		id := ids[(r>>32)*uint64(len(ids))>>32]
		if r&(1<<32-1) < reads {
			history, err = user.History(ctx, id, history[:0])
		} else {
			_, err = user.AddMessage(ctx, id, "user", content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
