package result

import "math"

// samplesBeyond is how many samples must lie beyond a percentile for it to be reported.
const samplesBeyond = 10

// Percentile is one percentile of a [Latency].
type Percentile struct {
	Name    string                   // in the document: p99_9
	Percent float64                  // 99.9
	In      func(l *Latency) **int64 // its field in l
}

// Percentiles returns the percentiles of a [Latency] in ascending order.
func Percentiles() []Percentile {
	return []Percentile{
		{"p50", 50, func(l *Latency) **int64 { return &l.P50 }},
		{"p90", 90, func(l *Latency) **int64 { return &l.P90 }},
		{"p95", 95, func(l *Latency) **int64 { return &l.P95 }},
		{"p99", 99, func(l *Latency) **int64 { return &l.P99 }},
		{"p99_9", 99.9, func(l *Latency) **int64 { return &l.P999 }},
		{"p99_99", 99.99, func(l *Latency) **int64 { return &l.P9999 }},
	}
}

// Samples is the smallest number of samples of which ten lie beyond the percentile.
func (p Percentile) Samples() int64 {
	return int64(math.Ceil(samplesBeyond*100/(100-p.Percent) - 1e-6)) // 100 - 99.9 is not exactly a tenth
}

func percents(list []Percentile) []float64 {
	xs := make([]float64, len(list))
	for i, p := range list {
		xs[i] = p.Percent
	}
	return xs
}

// complete computes the percentiles that documents of earlier versions lack although they have
// the samples.
func (d *Document) complete() {
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			t := &d.Results[i].Trials[j]
			t.LatencyNs.complete(t.Histogram)
			for name, op := range t.Operations {
				op.LatencyNs.complete(op.Histogram)
				t.Operations[name] = op
			}
		}
	}
}

// complete computes the percentiles that l lacks from its histogram, if the document has it.
func (l *Latency) complete(histogram string) {
	if l.P95 != nil || l.P90 == nil || histogram == "" { // p95 is the only one that earlier versions did not have
		return
	}
	if h, err := DecodeHistogram(histogram); err == nil && h.TotalCount() == l.Count {
		l.P95 = LatencyOf(h).P95
	}
}
