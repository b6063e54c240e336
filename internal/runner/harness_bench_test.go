package runner

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// BenchmarkHarness compares the whole runner on the noop probe (tape, closure, clock, a histogram for each kind of
// operation, the audit's bookkeeping) with the least that any measuring loop does: one reading of the clock and
// one HDR record. The two take turns, so that a machine whose speed drifts treats them alike.
func BenchmarkHarness(b *testing.B) {
	for pair := range 5 {
		b.Run(fmt.Sprintf("pair=%d/loop=bare", pair), benchmarkBare)
		b.Run(fmt.Sprintf("pair=%d/loop=runner", pair), func(b *testing.B) { benchmarkRunner(b, runtime.GOMAXPROCS(0)) })
		b.Run(fmt.Sprintf("pair=%d/loop=runner100", pair), func(b *testing.B) { benchmarkRunner(b, 100) })
	}
}

func benchmarkBare(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		h := hdr.New(1, int64(time.Hour), 3)
		base := time.Now()
		last := time.Duration(0)
		for pb.Next() {
			now := time.Since(base)
			_ = h.RecordValue(int64(now - last))
			last = now
		}
	})
	reportRate(b)
}

// benchmarkRunner has users do b.N operations together, in whole visits.
func benchmarkRunner(b *testing.B, users int) {
	b.ReportAllocs()
	chatbot, err := scenarios.Lookup("chatbot")
	if err != nil {
		b.Fatal(err)
	}
	s := *chatbot
	s.Users, s.Hold = users, 0
	s.Iterations = b.N/(users*len(s.Visit)) + 1
	r := run{Config: Config{Seed: DefaultSeed}}
	probe, _ := strategies.Lookup("noop")
	tr, err := prepare(b.Context(), Subject{Label: "noop", Strategy: probe}, r.setup(&s))
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	if _, err := tr.drive(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	reportRate(b)
}

func reportRate(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
}
