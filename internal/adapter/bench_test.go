//go:build unix

package adapter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/scenarios"
)

// BenchmarkProtocol measures the cost of the protocol: users send requests to the no-op adapter.
func BenchmarkProtocol(b *testing.B) {
	for _, network := range []string{"noop", "noop-unix"} {
		for _, users := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/users=%d", network, users), func(b *testing.B) { benchmarkProtocol(b, network, users) })
		}
	}
}

func benchmarkProtocol(b *testing.B, name string, users int) {
	ctx := context.Background()
	p := start(b, name, Options{})
	conns := make([]scenarios.Conn, users)
	for i := range conns {
		var err error
		if conns[i], err = p.Connect(ctx); err != nil {
			b.Fatal(err)
		}
		defer conns[i].Close()
	}
	before, err := p.Usage()
	if err != nil {
		b.Fatal(err)
	}
	own := cpuTime(b)
	var left atomic.Int64
	left.Store(int64(b.N))
	var working sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for _, c := range conns {
		working.Go(func() {
			q := scenarios.Request{Op: scenarios.Append, ID: uuid.New(), Role: "user", Content: "#000001 #000002 #000003 #000004 "}
			var a scenarios.Effect
			for left.Add(-1) >= 0 {
				if err := c.Do(ctx, &q, &a); err != nil || a.Seq != 1 {
					b.Errorf("seq %d, %v", a.Seq, err)
					return
				}
			}
		})
	}
	working.Wait()
	b.StopTimer()
	own = cpuTime(b) - own
	after, err := p.Usage()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	perOp := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) / float64(b.N) }
	b.ReportMetric(perOp(own), "own-µs/op")
	b.ReportMetric(perOp(after.CPU-before.CPU), "adapter-µs/op")
	b.ReportMetric(0, "ns/op") // ops/s replaces it
}

// cpuTime returns the processor time of this process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
