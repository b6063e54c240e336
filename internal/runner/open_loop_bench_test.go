package runner

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// pacedFor is how long each of the loops of BenchmarkPacing lasts.
const pacedFor = 10 * time.Second

// BenchmarkPacing compares the open loop on the noop probe with the least that any paced loop does: one goroutine that waits for each
// arrival on the clock. Start delays are in microseconds; cores is processor time, polling included, per time.
//
//	go test ./internal/runner -run '^$' -bench Pacing -benchtime 1x
func BenchmarkPacing(b *testing.B) {
	for pair := range 3 {
		for _, rate := range []float64{2000, 200_000} {
			load := scenarios.Load{Rate: rate}
			b.Run(fmt.Sprintf("pair=%d/rate=%v/loop=bare", pair, rate), func(b *testing.B) {
				for b.Loop() {
					pacedBare(b, load)
				}
			})
			b.Run(fmt.Sprintf("pair=%d/rate=%v/loop=noop", pair, rate), func(b *testing.B) {
				for b.Loop() {
					pacedNoop(b, load)
				}
			})
		}
	}
}

func pacedBare(b *testing.B, load scenarios.Load) {
	clock, err := wait.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer clock.Stop()
	waiter := clock.NewWaiter()
	delays := result.NewHistogram()
	arrivals := load.Arrivals(1, 0, 1, 0, 1)
	cpu, start := cpuTime(), time.Now()
	for {
		due := time.Duration(arrivals.Next())
		if due >= pacedFor {
			break
		}
		if now := time.Since(start); now < due {
			waiter.Wait(due - now)
		}
		_ = delays.RecordValue(int64(max(0, time.Since(start)-due)))
	}
	reportPaced(b, delays, 1, cpuTime()-cpu, time.Since(start))
}

func pacedNoop(b *testing.B, load scenarios.Load) {
	s := appends(b, "rate", scenarios.FormatLoadRate(load.Rate))
	r := run{Config: Config{Seed: DefaultSeed, Window: pacedFor}}
	probe, _ := strategies.Lookup("noop")
	cpu := cpuTime()
	trial, err := runTrial(b.Context(), Subject{Label: "noop", Strategy: probe}, r.setup(&s))
	if err != nil {
		b.Fatal(err)
	}
	delays, err := result.DecodeHistogram(trial.OpenLoop.Start)
	if err != nil {
		b.Fatal(err)
	}
	reportPaced(b, delays, trial.OpenLoop.Achieved, cpuTime()-cpu, pacedFor)
}

func reportPaced(b *testing.B, delays result.Histogram, achieved float64, cpu, length time.Duration) {
	percents := []float64{50, 99, 99.9}
	for i, ns := range delays.ValueAtPercentilesSlice(percents) {
		b.ReportMetric(float64(ns)/1e3, fmt.Sprintf("µs-p%v", percents[i]))
	}
	b.ReportMetric(100*achieved, "%achieved")
	b.ReportMetric(float64(cpu)/float64(length), "cores")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkActualArrivals tests the times at which visits actually start, in trials of 2 s at 2,000 per second with 100 seeds: by
// Kolmogorov and Smirnov against the exponential distribution of the gaps at the known rate, and by the dispersion of the counts in
// intervals of 100 ms, both at the 5 % level. Of 100 right ones, more than 13 are rejected with a probability of 0.1 %. It also
// reports how far constant arrivals drift in 60 s.
//
//	go test ./internal/runner -run '^$' -bench ActualArrivals -benchtime 1x -timeout 20m
func BenchmarkActualArrivals(b *testing.B) {
	const rate, window = 2000, 2 * time.Second
	for _, loop := range []struct {
		name   string
		starts func(seed uint64) []time.Duration
	}{
		{"poisson", func(seed uint64) []time.Duration { return actualStarts(b, window, seed, "rate", "2000/s") }},
		{"spinning", func(seed uint64) []time.Duration { return spunStarts(scenarios.Load{Rate: rate}, seed, window) }},
	} {
		b.Run(loop.name, func(b *testing.B) {
			for b.Loop() {
				gaps, counts := 0, 0
				for seed := range uint64(100) {
					at := loop.starts(seed)
					if rejectsGaps(at, rate) {
						gaps++
					}
					if rejectsCounts(at, rate, 100*time.Millisecond) {
						counts++
					}
				}
				b.ReportMetric(float64(gaps), "rejected-gaps")
				b.ReportMetric(float64(counts), "rejected-counts")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
	b.Run("constant", func(b *testing.B) {
		for b.Loop() {
			at := actualStarts(b, time.Minute, 1, "rate", "2000/s", "arrivals", "constant")
			n := len(at) - 1
			b.ReportMetric(100*math.Abs(float64(at[n]-at[0])/float64(time.Duration(n)*time.Second/rate)-1), "%drift")
			b.ReportMetric(0, "ns/op")
		}
	})
}

// spunStarts returns when a loop that does nothing but read the clock sees the arrivals: what the machine allows.
func spunStarts(load scenarios.Load, seed uint64, window time.Duration) (at []time.Duration) {
	arrivals := load.Arrivals(1, 0, seed, 0, 1)
	for start := time.Now(); ; {
		due, now := time.Duration(arrivals.Next()), time.Since(start)
		if due >= window {
			return at
		}
		for now < due {
			now = time.Since(start)
		}
		at = append(at, now)
	}
}

// actualStarts returns when the visits of a trial start, sorted.
func actualStarts(b *testing.B, window time.Duration, seed uint64, settings ...string) (at []time.Duration) {
	s := appends(b, settings...)
	var of noted
	r := run{Config: Config{Seed: seed, Window: window}}
	if _, err := runTrial(b.Context(), noting(&of, func(int) {}), r.setup(&s)); err != nil {
		b.Fatal(err)
	}
	for _, call := range of.calls {
		if t := call.Sub(of.calls[0]); t < window {
			at = append(at, t)
		}
	}
	slices.Sort(at)
	return at
}

// rejectsGaps is the Kolmogorov–Smirnov test at the 5 % level of the gaps between times against the exponential distribution.
func rejectsGaps(at []time.Duration, perSecond float64) bool {
	gaps := make([]float64, len(at)-1)
	for i := range gaps {
		gaps[i] = 1 - math.Exp(-(at[i+1]-at[i]).Seconds()*perSecond)
	}
	slices.Sort(gaps)
	n, d := float64(len(gaps)), 0.
	for i, p := range gaps {
		d = max(d, p-float64(i)/n, float64(i+1)/n-p)
	}
	return d*(math.Sqrt(n)+0.12+0.11/math.Sqrt(n)) > 1.358
}

// rejectsCounts is the test of dispersion at the 5 % level, both sides, of the counts in intervals against the Poisson
// distribution at the known rate.
func rejectsCounts(at []time.Duration, perSecond float64, interval time.Duration) bool {
	counts := make([]float64, at[len(at)-1]/interval)
	for _, t := range at {
		if i := int(t / interval); i < len(counts) {
			counts[i]++
		}
	}
	mean, sum := perSecond*interval.Seconds(), 0.
	for _, c := range counts {
		sum += (c - mean) * (c - mean) / mean
	}
	freedom := float64(len(counts))
	// Wilson and Hilferty: the cube root of a chi-squared variable is nearly normal.
	z := (math.Cbrt(sum/freedom) - (1 - 2/(9*freedom))) / math.Sqrt(2/(9*freedom))
	return math.Abs(z) > 1.96
}
