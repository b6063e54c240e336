package runner

import (
	"fmt"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// BenchmarkHarness compares the whole runner on the noop probe (tape, closure, clock, a histogram for each kind of
// operation, the audit's bookkeeping) with the least that any measuring loop does: one reading of the clock and
// one HDR record. They take turns, so that a machine whose speed drifts treats them alike.
//
// Other processes on the machine slow each of them down. The processor time of an operation, cpu-ns/op, depends on that least, and its
// ratio between numbers of sessions within a pair less still.
//
//	go test ./internal/runner -run '^$' -bench Harness -benchtime 5000000x
func BenchmarkHarness(b *testing.B) {
	for pair := range 5 {
		b.Run(fmt.Sprintf("pair=%d/loop=bare", pair), benchmarkBare)
		for _, users := range []int{2, 100} {
			for _, sessions := range []int{100, 10_000, 100_000, 1_000_000} {
				run := func(name string, appends bool) {
					name = fmt.Sprintf("pair=%d/loop=%s/users=%d/sessions=%d", pair, name, users, sessions)
					b.Run(name, func(b *testing.B) { benchmarkRunner(b, users, sessions, appends) })
				}
				run("runner", false)
				run("appends", true)
			}
		}
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

// benchmarkRunner has users do b.N operations together, in whole visits: of the chatbot, or appends, each on a session at random, which come
// to three times as many sessions.
func benchmarkRunner(b *testing.B, users, sessions int, appends bool) {
	b.ReportAllocs()
	chatbot, err := scenarios.Lookup("chatbot")
	if err != nil {
		b.Fatal(err)
	}
	s := *chatbot
	s.Users, s.Sessions, s.Hold, s.Prefill = users, sessions, 0, 0
	if appends {
		s.Visit, s.Mix, s.Keys = nil, scenarios.Mix{{Op: scenarios.Append, Weight: 1}}, scenarios.Keys{}
	}
	s.Iterations = b.N/(users*max(1, len(s.Visit))) + 1
	r := run{Config: Config{Seed: DefaultSeed}}
	probe, _ := strategies.Lookup("noop")
	tr, err := prepare(b.Context(), Subject{Label: "noop", Strategy: probe}, r.setup(&s))
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	before := cpuTime()
	if _, err := tr.drive(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
	reportRate(b)
}

func reportRate(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mops/s")
}
