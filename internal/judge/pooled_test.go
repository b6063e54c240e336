package judge

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// sampled gives r's trials latencies drawn with a seed, n to a trial, with their histograms. It returns all of them.
func sampled(r result.Result, n int, seed uint64) (result.Result, []int64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var all []int64
	for i := range r.Trials {
		h := result.NewHistogram()
		for range n {
			v := 1000 + int64(1e6*random.ExpFloat64())
			_ = h.RecordValue(v)
			all = append(all, v)
		}
		t := &r.Trials[i]
		t.LatencyNs = result.LatencyOf(h)
		t.Histogram, _ = result.EncodeHistogram(h)
	}
	slices.Sort(all)
	return r, all
}

// pooled has a row whose trials are long enough for every percentile, and one whose trials are not.
func pooled() *result.Document {
	slow, _ := sampled(build("global", 940, 6), 400, 1)
	fast, _ := sampled(build("per-session", 76_100, 6), 12_000, 2)
	return document(slow, fast)
}

// medianLatency is the latency of r's summary before it is pooled.
func medianLatency(r result.Result) result.Latency {
	r.Summary = result.Summary{}
	metric.Summarize(&r)
	return r.Summary.LatencyNs
}

// rankOf is the percentile of sorted values, by its definition.
func rankOf(sorted []int64, percent float64) float64 {
	return float64(sorted[int(percent/100*float64(len(sorted))+0.999999)-1])
}

func TestPoolingCoversTheColumn(t *testing.T) {
	slow, slowest := sampled(build("global", 940, 6), 400, 1) // p95 for itself, p99 only together, p99.9 not even so
	fast, fastest := sampled(build("per-session", 76_100, 6), 12_000, 2)
	failing, _ := sampled(build("broken", 76_100, 6), 400, 3)
	failing.Trials[2].Audit = result.Audit{}
	d := document(slow, fast, failing)
	for i, all := range [][]int64{slowest, fastest} {
		s := &d.Results[i].Summary
		if got := slices.Sorted(maps.Keys(s.Pooled)); !slices.Equal(got, [][]string{{"max", "p99"}, {"max", "p99", "p99_9"}}[i]) {
			t.Fatalf("%s: pooled %q, want p99 and what is above it", d.Results[i].Strategy, got)
		}
		got, want := float64(*s.LatencyNs.P99), rankOf(all, 99)
		if got < want || got > want*1.001 {
			t.Errorf("%s: p99 is %v, of all samples %v", d.Results[i].Strategy, got, want)
		}
		if of := s.Pooled["p99"]; of.LoNs > *s.LatencyNs.P99 || of.HiNs < *s.LatencyNs.P99 || of.LoNs == of.HiNs {
			t.Errorf("%s: p99 is %d, without one trial %+v", d.Results[i].Strategy, *s.LatencyNs.P99, of)
		}
		if l := s.LatencyNs; l.Max < all[len(all)-1] || l.Max > all[len(all)-1]*1001/1000 || l.P999 != nil && *l.P999 > l.Max || s.Pooled["max"].LoNs >= l.Max {
			t.Errorf("%s: max is %d of all %d, p99.9 %v, %+v", d.Results[i].Strategy, l.Max, all[len(all)-1], l.P999, s.Pooled)
		}
		if own := medianLatency(d.Results[i]); *s.LatencyNs.P95 != *own.P95 {
			t.Errorf("%s: p95 is pooled without need", d.Results[i].Strategy)
		}
	}
	if d.Results[0].Summary.LatencyNs.P999 != nil || d.Results[1].Summary.LatencyNs.P999 == nil {
		t.Error("p99.9 that 2,400 operations do not have, or that 12,000 have, is the other way round")
	}
	if s := d.Results[2].Summary; s.Pooled != nil || s.LatencyNs.P50 != nil {
		t.Errorf("a row without a speed: %+v", s)
	}
}

// The range is that of the percentile without one trial, by the slow and obvious way.
func TestLeaveOneTrialOut(t *testing.T) {
	slow, _ := sampled(build("global", 940, 6), 400, 1)
	d := document(slow)
	lo, hi := int64(1)<<62, int64(0)
	for out := range slow.Trials {
		rest := slow
		rest.Trials = slices.Delete(slices.Clone(slow.Trials), out, out+1)
		h, err := pooledHistogram(&rest)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi = min(lo, h.ValueAtPercentile(99)), max(hi, h.ValueAtPercentile(99))
	}
	if got, want := d.Results[0].Summary.Pooled["p99"], (result.Pooled{LoNs: lo, HiNs: hi}); lo == hi || got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestNoPoolingIfUnneededOrImpossible(t *testing.T) {
	enough, _ := sampled(build("global", 940, 6), 12_000, 1)
	none, _ := sampled(build("global", 940, 6), 10, 1)
	one, _ := sampled(build("global", 940, 1), 400, 1)
	few, _ := sampled(build("global", 940, 6), 400, 1)
	stripped, _ := sampled(build("sharded", 940, 6), 12_000, 2)
	for i := range stripped.Trials {
		stripped.Trials[i].Histogram = ""
	}
	wrong := enough
	wrong.Trials = slices.Clone(enough.Trials)
	wrong.Trials[3].LatencyNs.Count--
	for why, d := range map[string]*result.Document{
		"every trial has enough":                   document(enough),
		"even all together have too few":           document(none),
		"one trial is all there is":                document(one),
		"another row's histograms were not kept":   document(few, stripped),
		"nor has a histogram what it says it does": document(few, wrong),
	} {
		for _, r := range d.Results {
			if own := medianLatency(r); len(r.Summary.Pooled) > 0 && why != "even all together have too few" || // for p99
				(r.Summary.LatencyNs.P99 == nil) != (own.P99 == nil) {
				t.Errorf("%s: pooled %v, p99 %v", why, r.Summary.Pooled, r.Summary.LatencyNs.P99)
			}
		}
	}
}

func TestThresholdsOfPooledPercentiles(t *testing.T) {
	d := pooled()
	for text, want := range map[string]Verdict{"global.p99<1ms": Failing, "global.p99<1s": Passed, "global.p99_9<1s": Inconclusive,
		"global.max<1ms": Failing} {
		checked, err := ApplyThresholds(d, []Threshold{mustParse(t, text)})
		if err != nil {
			t.Fatal(err)
		}
		c := checked[0]
		if c.Verdict != want || want != Inconclusive && !strings.Contains(c.Describe(), "of all trials together") {
			t.Errorf("%s: %s, %s", text, c.Verdict, c.Describe())
		}
		if c.Metric == "p99" && *c.Value != float64(*d.Results[0].Summary.LatencyNs.P99) {
			t.Errorf("%s: %v is not the p99 of the table", text, *c.Value)
		}
	}
}

// Documents of versions without p95 have it once they are read, from their histograms.
func TestP95OfEarlierDocuments(t *testing.T) {
	d := pooled()
	want := *medianLatency(d.Results[1]).P95
	for i := range d.Results {
		r := &d.Results[i]
		r.Summary.LatencyNs.P95, r.Summary.Pooled = nil, nil
		for j := range r.Trials {
			r.Trials[j].LatencyNs.P95 = nil
		}
	}
	var text strings.Builder
	if err := result.EncodeJSON(&text, d); err != nil {
		t.Fatal(err)
	}
	got, err := result.Read(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := metric.Named("latency_p95_ns").Shown(&got.Results[1]); !ok || int64(v) != want {
		t.Errorf("p95 of an earlier document: %v, want %d", v, want)
	}
}
