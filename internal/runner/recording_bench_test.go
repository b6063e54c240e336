package runner

import (
	"math/rand/v2"
	"testing"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/scenarios"
)

// BenchmarkRecording measures what recording histories costs a run of the chatbot with a hundred users and no work under
// the lock, where it costs most. An iteration is a block of trials of the same tape, in an order drawn anew: without
// recording, with one session in 64, with all, and a second time without, to show what the machine makes of no difference.
// The figures are ratios to the first, block by block, with their intervals: of the throughput, and of the processor time
// an operation. Trials are short, so that there can be many: the more iterations, the narrower the intervals.
//
//	go test ./internal/runner -run '^$' -bench Recording -benchtime 200x -cpu 1,2
func BenchmarkRecording(b *testing.B) {
	for _, name := range []string{"per-session", "sharded"} {
		b.Run(name, func(b *testing.B) { benchmarkRecording(b, name) })
	}
}

func benchmarkRecording(b *testing.B, name string) {
	chatbot, err := scenarios.Lookup("chatbot")
	if err != nil {
		b.Fatal(err)
	}
	s := *chatbot
	s.Hold, s.Iterations = 0, 500
	ways := []struct {
		name string
		one  int
	}{{"off", 0}, {"1/64", 64}, {"all", 1}, {"control", 0}}
	rates, costs := make([][]float64, len(ways)), make([][]float64, len(ways))
	for block := range b.N {
		r := run{Config: Config{Seed: uint64(block)}}
		base := r.setup(&s)
		for _, driver := range rand.Perm(len(ways)) {
			base.record = ways[driver].one
			trial, err := runTrial(b.Context(), subject(b, name), base)
			if err != nil {
				b.Fatal(err)
			}
			if got := trial.Audit.Recorded; !trial.Audit.OK || got != nil && got.Certified != got.Sessions {
				b.Fatalf("audit: %+v, recorded: %+v", trial.Audit, got)
			}
			rates[driver], costs[driver] = append(rates[driver], trial.OpsPerSec), append(costs[driver], trial.Usage.CPUNsPerOp)
		}
	}
	for i, driver := range ways[1:] {
		report := func(unit string, r stats.Ratio) {
			b.ReportMetric(r.Ratio, driver.name+"-"+unit)
			b.ReportMetric(r.Lo, driver.name+"-"+unit+"-lo")
			b.ReportMetric(r.Hi, driver.name+"-"+unit+"-hi")
		}
		report("rate", stats.PairedRatio(rates[i+1], rates[0]))
		report("cpu", stats.PairedRatio(costs[i+1], costs[0]))
	}
	b.ReportMetric(stats.Median(rates[0]).Median/1e6, "off-Mops/s")
	b.ReportMetric(0, "ns/op")
}
