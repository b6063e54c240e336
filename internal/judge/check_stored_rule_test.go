package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// storedVerdict judges one metric of one row by stored figures.
func storedVerdict(name string, alpha, minEffect float64, before, after []float64) MetricCheck {
	r := alignedRow{results: make([]*result.Result, 2)}
	for i, xs := range [][]float64{before, after} {
		r.results[i] = &result.Result{}
		for _, x := range xs {
			r.results[i].Trials = append(r.results[i].Trials, result.Trial{Ops: 1, OpsPerSec: x, Usage: result.Usage{AllocsPerOp: x}})
		}
	}
	return storedMetric(r, rated{metric.Named(name), true}, &Rule{Alpha: alpha, MinEffect: minEffect})
}

func TestStoredRule(t *testing.T) {
	ten := []float64{91, 93, 95, 97, 99, 101, 103, 105, 107, 109} // median 100
	times := func(f float64) (xs []float64) {
		for _, x := range ten {
			xs = append(xs, f*x)
		}
		return xs
	}
	same := func(x float64) []float64 { return []float64{x, x, x, x, x, x, x, x, x, x} }
	for _, tt := range []struct {
		why           string
		metric        string
		before, after []float64
		alpha         float64
		want          Verdict
		reason        string
	}{
		{"the same", "ops_per_sec", ten, ten, 0.001, Passed, ""},
		{"a third slower", "ops_per_sec", ten, times(0.75), 0.001, Failing, ""},
		{"a third faster", "ops_per_sec", ten, times(1.33), 0.001, Passed, ""},
		{"a third more of what should be little", "allocs_per_op", ten, times(1.33), 0.001, Failing, ""},
		{"a third less of it", "allocs_per_op", ten, times(0.75), 0.001, Passed, ""},
		{"shown, but by less than a tenth", "ops_per_sec", ten, times(0.92), 0.05, Passed, ""},
		{"by just a tenth", "allocs_per_op", same(100), same(110.00001), 0.001, Failing, ""},
		{"by just less", "allocs_per_op", same(100), same(109.9), 0.001, Passed, ""},
		{"by a tenth, and not shown", "ops_per_sec",
			[]float64{60, 70, 80, 90, 100, 100, 110, 120, 130, 140}, []float64{50, 60, 70, 80, 85, 88, 100, 110, 120, 130},
			0.001, Inconclusive, "not significantly"},
		{"shown at one alpha, not at another", "ops_per_sec", ten, times(0.75), 1e-6,
			Inconclusive, "10 and 10 trials are too few for any p of 1e-06"},
		{"four against four at most p=0.03", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}, 0.01,
			Inconclusive, "4 and 4 trials are too few"},
		{"and that is enough at 0.03", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}, 0.03,
			Failing, ""},
		{"p and alpha are the same", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53},
			stats.Compare([]float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}).P, Failing, ""},
		{"a fail is possible, and is none", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 101.5}, stats.LeastP(4, 4), Inconclusive,
			"not significantly"},
		{"less than a hundredth of an allocation", "allocs_per_op", same(0.01), same(0.0199), 0.001, Passed, ""},
		{"a hundredth and more", "allocs_per_op", same(0.01), same(0.0201), 0.001, Failing, ""},
		{"from nothing to little", "allocs_per_op", same(0), same(0.009), 0.001, Passed, ""},
		{"from nothing to something", "allocs_per_op", same(0), same(0.02), 0.001, Failing, ""},
		{"nothing stays nothing", "allocs_per_op", same(0), same(0), 0.001, Passed, ""},
		{"to a standstill", "ops_per_sec", ten, same(0), 0.001, Failing, ""},
		{"nothing was ever done", "ops_per_sec", same(0), same(0), 0.001, Inconclusive, "no operation was completed on either side"},
	} {
		f := storedVerdict(tt.metric, tt.alpha, 0.1, tt.before, tt.after)
		if f.Verdict != tt.want || !strings.Contains(f.Reason, tt.reason) || (f.Reason == "") != (tt.reason == "") {
			t.Errorf("%s: %s (%s), p=%v, want %s (%s)", tt.why, f.Verdict, f.Reason, *f.P, tt.want, tt.reason)
		}
		if bounded := tt.before[0] != 0; (f.Change != nil) != bounded {
			t.Errorf("%s: change %v", tt.why, f.Change)
		}
	}
}

func TestStoredMinEffectFails(t *testing.T) {
	before, after := slices.Repeat([]float64{4}, 10), slices.Repeat([]float64{5}, 10)
	for effect, want := range map[float64]Verdict{0.25: Failing, 0.2501: Passed} {
		if f := storedVerdict("allocs_per_op", 0.001, effect, before, after); f.Verdict != want {
			t.Errorf("a quarter more at a least effect of %v: %s, want %s", effect, f.Verdict, want)
		}
	}
}
