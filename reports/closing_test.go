package reports

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

func TestClosing(t *testing.T) {
	base := func(ops ...float64) result.Result {
		return result.Result{Strategy: "global", Baseline: true, Trials: trials(ops...)}
	}
	other := func(name string, ops ...float64) result.Result {
		return result.Result{Strategy: name, Trials: trials(ops...)}
	}
	broken := func(r result.Result) result.Result { r.Trials[0].Audit.OK = false; return r }
	probe := func(r result.Result) result.Result {
		for i := range r.Trials {
			r.Trials[i].Audit = result.Audit{Skipped: true}
		}
		return r
	}
	tests := []struct {
		why     string
		results []result.Result
		want    string
	}{
		{"a clear winner", []result.Result{base(1, 1, 1, 1, 1, 1), other("a", 50, 50, 50, 50, 50, 50), other("b", 80, 81, 81, 81, 81, 85)},
			"b is the fastest: 81× global (80–85×)."},
		{"two in front", []result.Result{base(1, 1, 1, 1, 1, 1), other("a", 80, 82, 80, 82, 80, 82), other("b", 81, 81, 81, 81, 81, 81), other("c", 2, 2, 2, 2, 2, 2)},
			"The fastest are a and b, which cannot be distinguished: 81× global."},
		{"three in front", []result.Result{base(1, 1, 1, 1, 1, 1), other("a", 80, 84, 80, 84, 84, 84), other("b", 82, 81, 81, 81, 81, 81), other("c", 79, 85, 79, 85, 79, 85)},
			"The fastest are a, c and b, which cannot be distinguished: 81–84× global."},
		{"nothing but noise", []result.Result{base(100, 101, 99, 100, 101, 99), other("a", 101, 100, 100, 99, 102, 98), other("b", 99, 102, 98, 101, 100, 101)},
			"No strategy can be distinguished from global (all intervals lie within 0.99–1.02×): the lock strategy makes little difference here."},
		{"a sure gain, but a small one", []result.Result{base(100, 100, 100, 100, 100, 100), other("a", 103, 104, 105, 104, 104, 104)},
			"All strategies are within 10% of global (1.04–1.04×): the lock strategy makes little difference here."},
		{"the baseline wins clearly", []result.Result{base(100, 100, 100, 100, 100, 100), other("a", 50, 50, 50, 50, 50, 50)},
			"global is the fastest: 2.00× a, the second fastest (2.00–2.00×). No other strategy is faster than the baseline here."},
		{"the baseline is among the first", []result.Result{base(100, 102, 100, 102, 100, 102), other("a", 101, 101, 101, 101, 101, 101), other("b", 5, 5, 5, 5, 5, 5)},
			"The fastest are global and a, which cannot be distinguished: no other strategy is clearly faster than global here."},
		{"five trials are too few", []result.Result{base(1, 1, 1, 1, 1), other("a", 81, 81, 81, 81, 81)},
			"a has the highest throughput: 81× global, but with fewer than 6 common trials this may be chance."},
		{"no baseline", []result.Result{other("a", 10, 10, 10, 10, 10, 10), other("b", 20, 20, 20, 20, 20, 24)},
			"b is the fastest: 2.00× a, the second fastest (2.00–2.40×)."},
		{"the fastest lost an update", []result.Result{base(1, 1, 1, 1, 1, 1), other("a", 50, 50, 50, 50, 50, 50), broken(other("b", 90, 90, 90, 90, 90, 90))},
			"a is the fastest: 50× global (50–50×). Excluded for a failed audit: b."},
		{"the baseline lost an update", []result.Result{broken(base(1, 1, 1, 1, 1, 1)), other("a", 10, 10, 10, 10, 10, 10), other("b", 20, 20, 20, 20, 20, 20)},
			"b is the fastest: 2.00× a, the second fastest (2.00–2.00×). Excluded for a failed audit: global. Without global there is no baseline to compare with."},
		{"all lost updates", []result.Result{broken(base(1, 1, 1, 1, 1, 1)), broken(other("a", 1, 1, 1, 1, 1, 1))},
			"No row has a speed to report. Excluded for a failed audit: global and a. Without global there is no baseline to compare with."},
		{"a probe of the harness is not ranked", []result.Result{base(1, 1, 1, 1, 1, 1), probe(other("noop", 900, 900, 900, 900, 900, 900))},
			"Only global can be ranked: 1 ops/s."},
	}
	for _, tt := range tests {
		d := &result.Document{Results: tt.results}
		judge.Summarize(d)
		if got := strings.Join(closings(d, sections(d)), "\n"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.why, got, tt.want)
		}
	}
}

func TestShortTrialsAreNotRanked(t *testing.T) {
	d := normal()
	for i := range d.Results {
		for j := range d.Results[i].Trials {
			d.Results[i].Trials[j].ElapsedNs = 1_200_000
		}
	}
	if text := written(t, "table", d, Options{}); !strings.Contains(text, "All trials took at most 1.20 ms: the lock strategy makes little difference here.") {
		t.Errorf("short trials are ranked:\n%s", text)
	}
}

// trials makes audited trials with these throughputs, in blocks from 0.
func trials(opsPerSec ...float64) []result.Trial {
	ts := make([]result.Trial, len(opsPerSec))
	for i, x := range opsPerSec {
		ts[i] = result.Trial{Block: i, OpsPerSec: x, Audit: result.Audit{OK: true}}
	}
	return ts
}
