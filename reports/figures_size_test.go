package reports

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// measured makes a document as a run does: with histograms of 20,000 latencies, and a series with so many intervals.
func measured(strategies, scenarios, trials, intervals int) *result.Document {
	random := rand.New(rand.NewPCG(1, 2))
	var list []result.Result
	for s := range scenarios {
		for k := range strategies {
			r := build(fmt.Sprintf("strategy-%d", k), 900*math.Pow(1.5, float64(k)), trials)
			r.Scenario, r.Baseline = fmt.Sprintf("scenario-%d", s), k == 0
			for i := range r.Trials {
				t := &r.Trials[i]
				t.OpsPerSec *= 1 + 0.02*random.NormFloat64()
				t.Histogram = histogram(nil, func(record func(int64)) {
					for range 20_000 {
						record(int64(1e11 / t.OpsPerSec * math.Exp(0.5*random.NormFloat64())))
					}
				})
				h, err := result.DecodeHistogram(t.Histogram)
				if err != nil {
					panic(err)
				}
				t.LatencyNs, t.ElapsedNs = result.LatencyOf(h), int64(intervals)*1e8
				t.Series = &result.Series{IntervalNs: 1e8}
				for range intervals {
					x := 1 + 0.05*random.NormFloat64()
					t.Series.Points = append(t.Series.Points, result.Point{
						Ops: int64(t.OpsPerSec * x / 10), Latencies: int64(t.OpsPerSec / 10), P50: ns(1e11 / t.OpsPerSec / x), P99: ns(3e11 / t.OpsPerSec / x),
						Max: 1e9, GCPauseNs: random.Int64N(2e5), Sweeps: random.Int64N(2),
					})
				}
			}
			list = append(list, r)
		}
	}
	d := withoutBaseline(list...)
	d.Config.Runs = trials
	judge.Summarize(d)
	return d
}

// sizes are the documents whose pages are measured.
var sizes = []struct {
	name                                     string
	strategies, scenarios, trials, intervals int
	most                                     int // bytes
}{
	{"normal", 10, 1, 6, 10, 200e3},
	{"all scenarios", 12, 11, 10, 10, 1.25e6}, // half of it is the second layout, for phones
	{"an hour", 3, 1, 1, 3600, 300e3},
	{"an hour of all strategies", 12, 1, 1, 3600, 600e3},
}

// A page of a usual run is below 1 MB.
func TestPageSize(t *testing.T) {
	for _, of := range sizes {
		if testing.Short() && of.scenarios > 1 {
			continue
		}
		if size := len(written(t, "html", measured(of.strategies, of.scenarios, of.trials, of.intervals), Options{})); size > of.most {
			t.Errorf("%s: %d bytes, want at most %d", of.name, size, of.most)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	f, _ := Lookup("html")
	for _, of := range sizes {
		b.Run(of.name, func(b *testing.B) {
			d := measured(of.strategies, of.scenarios, of.trials, of.intervals)
			var page bytes.Buffer
			for b.Loop() {
				page.Reset()
				if err := f.Write(&page, d, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(page.Len()), "bytes")
		})
	}
}
