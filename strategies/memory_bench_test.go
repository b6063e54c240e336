package strategies

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// BenchmarkMemory measures the bytes that a million sessions take, empty and with a full history of messages of 76 bytes, which is the
// mean in recorded conversations.
func BenchmarkMemory(b *testing.B) {
	const sessions = 1_000_000
	for _, strategy := range All() {
		for _, messages := range []int{0, manager.HistoryLimit} {
			b.Run(fmt.Sprintf("%s/messages=%d", strategy.Name, messages), func(b *testing.B) {
				for range b.N {
					before := heapInUse()
					p, err := strategy.Resolve(nil)
					if err != nil {
						b.Fatal(err)
					}
					store, err := strategy.Open(p)
					if err != nil {
						b.Fatal(err)
					}
					bot := manager.NewChatbot(store)
					for range sessions {
						id, err := bot.CreateSession(b.Context())
						if err != nil {
							b.Fatal(err)
						}
						for range messages {
							if _, err := bot.AddMessage(b.Context(), id, "user", string(make([]byte, 76))); err != nil {
								b.Fatal(err)
							}
						}
					}
					b.ReportMetric(float64(heapInUse()-before)/sessions, "B/session")
					if err := store.Close(); err != nil {
						b.Fatal(err)
					}
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
