package judge

import (
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// pool replaces the medians of a percentile by the percentile over the samples of all trials,
// for all rows of a scenario, if some result has trials with too few samples for it but enough
// in all trials together. A column never mixes both, because a pooled percentile and a median
// over trials are different quantities: slow trials weigh more in the first. Higher percentiles
// and the maximum are pooled as well, so that p95 stays below p99. If a result lacks the
// histograms, nothing changes.
func pool(results []*result.Result) {
	rows := slices.DeleteFunc(slices.Clone(results), func(r *result.Result) bool { return r.Failed() || len(r.Trials) == 0 })
	pooled := result.Percentiles()
	first := slices.IndexFunc(pooled, func(p result.Percentile) bool {
		return slices.ContainsFunc(rows, func(r *result.Result) bool {
			return *p.In(&r.Summary.LatencyNs) == nil && LatencyCount(r) >= p.Samples()
		})
	})
	if first < 0 {
		return
	}
	pooled = pooled[first:]
	all := make([]*hdr.PackedHistogram, len(rows))
	for i, r := range rows {
		var err error
		if all[i], err = pooledHistogram(r); err != nil {
			return
		}
	}
	for i, r := range rows {
		maximum := maxWithout(r, -1)
		r.Summary.LatencyNs.Max = maximum
		r.Summary.Pooled = map[string]result.Pooled{metric.MaxName: {LoNs: maximum, HiNs: maximum}}
		for _, p := range pooled {
			if *p.In(&r.Summary.LatencyNs) = nil; all[i].TotalCount() >= p.Samples() {
				v := all[i].ValueAtPercentile(p.Percent)
				*p.In(&r.Summary.LatencyNs) = &v
				r.Summary.Pooled[p.Name] = result.Pooled{LoNs: v, HiNs: v}
			}
		}
		leaveOneOut(r, all[i], pooled)
	}
}

// LatencyCount returns the number of latencies of all trials of r.
func LatencyCount(r *result.Result) (n int64) {
	for i := range r.Trials {
		n += r.Trials[i].LatencyNs.Count
	}
	return n
}

// pooledHistogram adds the histograms of all trials of r.
func pooledHistogram(r *result.Result) (*hdr.PackedHistogram, error) {
	all := result.NewSum()
	for i := range r.Trials {
		if t := &r.Trials[i]; t.LatencyNs.Count > 0 {
			if err := addHistogram(all, t.Histogram, t.LatencyNs.Count); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// maxWithout returns the largest latency of all trials of r except one.
func maxWithout(r *result.Result, out int) (most int64) {
	for i := range r.Trials {
		if i != out {
			most = max(most, r.Trials[i].LatencyNs.Max)
		}
	}
	return most
}

// leaveOneOut records, for each pooled value of r, its range when any one trial is left out.
// all is the sum of the histograms.
func leaveOneOut(r *result.Result, all *hdr.PackedHistogram, percentiles []result.Percentile) {
	widen := func(name string, v int64) {
		of := r.Summary.Pooled[name]
		r.Summary.Pooled[name] = result.Pooled{LoNs: min(of.LoNs, v), HiNs: max(of.HiNs, v)}
	}
	for i := range r.Trials {
		t := &r.Trials[i]
		if t.LatencyNs.Count == 0 || t.LatencyNs.Count == all.TotalCount() {
			continue
		}
		one, err := result.DecodeHistogram(t.Histogram)
		if err != nil {
			continue // not reached: it was added to all
		}
		own := make(map[int64]int64, one.Populated())
		for value, n := range one.ForEachBucket {
			own[value] = n
		}
		without := result.NewSum()
		for value, n := range all.ForEachBucket {
			_ = without.RecordValues(value, n-own[value]) // an error only for what does not fit, and it did
		}
		for _, p := range percentiles {
			if _, ok := r.Summary.Pooled[p.Name]; ok {
				widen(p.Name, without.ValueAtPercentile(p.Percent))
			}
		}
		widen(metric.MaxName, maxWithout(r, i))
	}
}
