package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

// openTrial is the trial of m in an open loop: its service, visit and start times are the latencies, and a tenth of the visits of each
// user were not served.
func (m measured) openTrial(t *testing.T, block int) result.Trial {
	t.Helper()
	tr := m.trial(t, block)
	n := len(m)
	l := tr.LatencyNs
	l.Censored = &result.Censored{Count: int64(n), LeastNs: 1000}
	tr.OpenLoop = &result.OpenLoop{
		Offered: 2 * tr.OpsPerSec, Achieved: 0.5, Growth: float64(n), Queue: int64(2 * n), Users: n, Limit: 3 * n, Unserved: int64(n),
		StartNs: l, ServiceNs: l, VisitNs: l, Start: tr.Histogram, Service: tr.Histogram, Visit: tr.Histogram,
	}
	for name, op := range tr.Operations {
		op.ServiceNs, op.Service = &op.LatencyNs, op.Histogram
		tr.Operations[name] = op
	}
	return tr
}

// openParts splits the users of one open trial among some parts.
func openParts(t *testing.T, of int) (parts []Source, whole measured) {
	t.Helper()
	parts, all := partsOf(t, of, 1)
	from := 0
	for i := range parts {
		lo, hi := (&result.Part{Index: i, Count: of}).Share(len(all[0]))
		own := all[0][from:][:hi-lo]
		from += hi - lo
		for j := range parts[i].Document.Results {
			r := &parts[i].Document.Results[j]
			r.Load, r.Trials = "1000/s poisson", []result.Trial{own.openTrial(t, 0)}
			r.Trials[0].MutexWaitNs = nil
		}
	}
	return parts, all[0]
}

// Of an open loop, the merged document has what one process would have measured, of each operation, too.
func TestMergeOpenLoop(t *testing.T) {
	for _, of := range []int{1, 2, 4} {
		parts, whole := openParts(t, of)
		r := merged(t, parts).Results[0]
		got, want := r.Trials[0], whole.openTrial(t, 0)
		got.OpenLoop.Achieved, got.OpenLoop.Offered = round(got.OpenLoop.Achieved), round(got.OpenLoop.Offered)
		want.OpenLoop.Offered = round(want.OpenLoop.Offered)
		if diff := cmp.Diff(want.OpenLoop, got.OpenLoop); diff != "" {
			t.Errorf("%d parts (-whole +merged):\n%s", of, diff)
		}
		if diff := cmp.Diff(want.Operations, got.Operations); diff != "" {
			t.Errorf("%d parts (-whole +merged):\n%s", of, diff)
		}
		if r.Load != "1000/s poisson" {
			t.Errorf("%d parts: load %s", of, r.Load)
		}
	}
}

// One participant with a growing queue makes the row saturated.
func TestMergeSaturated(t *testing.T) {
	parts, _ := openParts(t, 2)
	parts[1].Document.Results[0].Trials[0].OpenLoop.Saturated = true
	if r := merged(t, parts).Results[0]; Saturated(&r) == "" {
		t.Error("not saturated")
	}
}

// Backlogs that grow a little at every participant grow by more than chance explains in the sum; those that grow at one and shrink at
// another do not.
func TestMergeJudgesTheSumOfTheBacklogs(t *testing.T) {
	for _, c := range []struct {
		growth [4]float64
		want   bool
	}{
		{[4]float64{60, 60, 60, 60}, true}, // 240 of 4,000 visits; three standard deviations are 190
		{[4]float64{60, -60, 60, -60}, false},
		{[4]float64{40, 40, 40, 40}, false},
	} {
		parts, _ := openParts(t, 4)
		for i := range parts {
			of := &parts[i].Document.Results[0].Trials[0]
			of.Visits, of.OpenLoop.Growth = 1000, c.growth[i]
			if Saturates(c.growth[i], of.Visits, of.OpenLoop.Achieved) {
				t.Fatal("one participant is saturated by itself")
			}
		}
		if r := merged(t, parts).Results[0]; r.Trials[0].OpenLoop.Saturated != c.want {
			t.Errorf("growths %v: saturated %v, want %v", c.growth, !c.want, c.want)
		}
	}
}

// Separate runs at one rate have the sum of their rates, and no ideal: that is of one store.
func TestMergeLoadsOfSeparateRuns(t *testing.T) {
	parts, _ := openParts(t, 3)
	for i := range parts {
		parts[i].Document.Part = nil
		parts[i].Document.Results[0].Ideal = &result.Ideal{}
	}
	if r := merged(t, parts).Results[0]; r.Load != "3 × 1000/s poisson" || r.Ideal != nil {
		t.Errorf("load %q, ideal %v", r.Load, r.Ideal)
	}
	parts[1].Document.Config.Overrides = map[string]string{"rate": "700/s"}
	if _, err := Merge(parts); err == nil {
		t.Error("different rates are merged")
	}
}
