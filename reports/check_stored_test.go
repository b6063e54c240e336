package reports

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// storedVerdict judges one metric of one row by stored figures.
func storedVerdict(metric string, alpha, minEffect float64, before, after []float64) CheckedMetric {
	r := alignedRow{results: make([]*result.Result, 2)}
	for i, xs := range [][]float64{before, after} {
		r.results[i] = &result.Result{}
		for _, x := range xs {
			r.results[i].Trials = append(r.results[i].Trials, result.Trial{Ops: 1, OpsPerSec: x, AllocsPerOp: x})
		}
	}
	list := comparedMetrics()
	at := slices.IndexFunc(list, func(m *comparedMetric) bool { return m.name == metric })
	return storedMetric(r, rated{list[at], true}, &CheckRule{Alpha: alpha, MinEffect: minEffect})
}

func TestTheRuleOfStoredFigures(t *testing.T) {
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
		want          Outcome
		reason        string
	}{
		{"the same", "ops_per_sec", ten, ten, 0.001, Passed, ""},
		{"a third slower", "ops_per_sec", ten, times(0.75), 0.001, FailedGate, ""},
		{"a third faster", "ops_per_sec", ten, times(1.33), 0.001, Passed, ""},
		{"a third more of what should be little", "allocs_per_op", ten, times(1.33), 0.001, FailedGate, ""},
		{"a third less of it", "allocs_per_op", ten, times(0.75), 0.001, Passed, ""},
		{"shown, but by less than a tenth", "ops_per_sec", ten, times(0.92), 0.05, Passed, ""},
		{"by just a tenth", "allocs_per_op", same(100), same(110.00001), 0.001, FailedGate, ""},
		{"by just less", "allocs_per_op", same(100), same(109.9), 0.001, Passed, ""},
		{"by a tenth, and not shown", "ops_per_sec",
			[]float64{60, 70, 80, 90, 100, 100, 110, 120, 130, 140}, []float64{50, 60, 70, 80, 85, 88, 100, 110, 120, 130},
			0.001, Inconclusive, "not shown to be more than chance"},
		{"shown at one alpha, not at another", "ops_per_sec", ten, times(0.75), 1e-6,
			Inconclusive, "10 and 10 trials are too few for any p of 1e-06"},
		{"four against four at most p=0.03", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}, 0.01,
			Inconclusive, "4 and 4 trials are too few"},
		{"and that is enough at 0.03", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}, 0.03,
			FailedGate, ""},
		{"p and alpha are the same", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 53},
			stats.Compare([]float64{100, 101, 102, 103}, []float64{50, 51, 52, 53}).P, FailedGate, ""},
		{"a fail is possible, and is none", "ops_per_sec", []float64{100, 101, 102, 103}, []float64{50, 51, 52, 101.5}, stats.LeastP(4, 4), Inconclusive,
			"not shown to be more than chance"},
		{"less than a hundredth of an allocation", "allocs_per_op", same(0.01), same(0.0199), 0.001, Passed, ""},
		{"a hundredth and more", "allocs_per_op", same(0.01), same(0.0201), 0.001, FailedGate, ""},
		{"from nothing to little", "allocs_per_op", same(0), same(0.009), 0.001, Passed, ""},
		{"from nothing to something", "allocs_per_op", same(0), same(0.02), 0.001, FailedGate, ""},
		{"nothing stays nothing", "allocs_per_op", same(0), same(0), 0.001, Passed, ""},
		{"to a standstill", "ops_per_sec", ten, same(0), 0.001, FailedGate, ""},
		{"nothing was ever done", "ops_per_sec", same(0), same(0), 0.001, Inconclusive, "nothing was completed on either side"},
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

func TestAMedianWorseByTheLeastEffectFails(t *testing.T) {
	before, after := slices.Repeat([]float64{4}, 10), slices.Repeat([]float64{5}, 10)
	for effect, want := range map[float64]Outcome{0.25: FailedGate, 0.2501: Passed} {
		if f := storedVerdict("allocs_per_op", 0.001, effect, before, after); f.Verdict != want {
			t.Errorf("a quarter more at a least effect of %v: %s, want %s", effect, f.Verdict, want)
		}
	}
}

func TestStored(t *testing.T) {
	with := func(s Stored, change func(s *Stored)) Stored { change(&s); return s }
	strict := func(s Stored) Stored { s.Strict = true; return s }
	elsewhere := func(s *Stored) { s.New.Document.Machine.Kernel = "6.9.1" }
	for _, tt := range []struct {
		why      string
		stored   Stored
		verdict  Outcome
		binding  Outcome
		advisory bool
		said     string
	}{
		{"the same is fine", stored(6, 1),
			Passed, Passed, true, "no gated median is worse by 10 % or more (8 comparisons). The comparison is advice"},
		{"slower is advice", stored(10, 0.7), FailedGate, Passed, true, "The comparison is advice: between two times"},
		{"and a gate when asked for", strict(stored(10, 0.7)), FailedGate, FailedGate, false, "(p="},
		{"which passes, too", strict(stored(10, 1)), Passed, Passed, false, "8 comparisons"},
		{"6 trials cannot fail", stored(6, 0.7), Inconclusive, Passed, true, "6 and 6 trials are too few"},
		{"elsewhere it is advice, asked for or not", with(strict(stored(10, 0.7)), func(s *Stored) { elsewhere(s); s.OtherMachine = true }),
			FailedGate, Passed, true,
			"main was measured on another machine"},
		{"a machine that may be another one and is not", with(strict(stored(10, 0.7)), func(s *Stored) { s.OtherMachine = true }),
			FailedGate, FailedGate, false, ""},
		{"a lost update is no matter of advice", with(stored(10, 1), func(s *Stored) { lost(s.New.Document, "sharded") }),
			Violated, Violated, true, "in new"},
		{"nor is a threshold", with(stored(10, 1), func(s *Stored) { s.Thresholds = thresholds("p50<1ns") }),
			FailedGate, FailedGate, true, "2 of 2 thresholds crossed"},
		{"interrupted", with(strict(stored(10, 1)), func(s *Stored) { s.New.Document.Interrupted = true }),
			Inconclusive, Inconclusive, false, "interrupted"},
		{"more in the baseline than now", storeds()["stored-left-out"](), Violated, Violated, true, "in main"},
		{"a strategy that is new has nothing to be held against", with(strict(stored(10, 1)), func(s *Stored) {
			s.Old.Document.Results = s.Old.Document.Results[:1]
		}), Passed, Passed, false, "4 comparisons"},
		{"a strategy that is gone has nothing to be judged by", with(strict(stored(10, 1)), func(s *Stored) {
			s.New.Document.Results = s.New.Document.Results[:1]
		}), Passed, Passed, false, "4 comparisons"},
		{"which leaves it open where all were to be there", with(strict(stored(10, 1)), func(s *Stored) {
			s.New.Document.Results, s.Whole = s.New.Document.Results[:1], true
		}), Inconclusive, Inconclusive, false, "not everything could be held against main"},
		{"a strategy without a trial", with(strict(stored(10, 1)), func(s *Stored) { s.New.Document.Results[1].Trials = nil }),
			Inconclusive, Inconclusive, false,
			"not everything could be held against main"},
	} {
		c := checkingStored(t, tt.stored)
		if c.Verdict != tt.verdict || c.Binding() != tt.binding || c.Advisory != tt.advisory || !strings.Contains(c.Words, tt.said) {
			t.Errorf("%s: %s, binding %s, advisory %v: %s\nwant %s, %s, %v with %q", tt.why, c.Verdict, c.Binding(), c.Advisory, c.Words,
				tt.verdict, tt.binding, tt.advisory, tt.said)
		}
	}
	for _, tt := range []struct {
		why    string
		stored Stored
		want   string
	}{
		{"another kernel", with(stored(10, 1), elsewhere), "another machine: kernel: 6.8.0 in main, 6.9.1 in new"},
		{"another Go", with(stored(10, 1), func(s *Stored) { s.New.Document.Machine.Go = "go1.27" }), "another machine: Go: go1.26.0 in main, go1.27 in new"},
		{"another window, though the machine may be another", with(stored(10, 1), func(s *Stored) {
			s.OtherMachine = true
			s.New.Document.Results[0].WindowNs = 1
		}), "window (chatbot): 400ms in main, 1ns in new"},
		{"9 trials are too few for a gate", strict(stored(9, 1)), "9 trials of per-session (chatbot) in main: a gate by stored figures wants 10 or more"},
		{"9 new ones are", with(strict(stored(10, 1)), func(s *Stored) { s.New.Document.Results[1].Trials = s.New.Document.Results[1].Trials[:9] }),
			"9 trials of sharded (chatbot) in new"},
		{"nothing in common", with(stored(10, 1), func(s *Stored) { s.Old.Document = arm(6, 1, 0.02, 1, "global") }), "nothing in common"},
	} {
		_, err := CheckStored(tt.stored)
		incomparable := (*IncomparableError)(nil)
		if !errors.As(err, &incomparable) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an IncomparableError with %q", tt.why, err, tt.want)
		} else if machines := strings.HasPrefix(tt.want, "another machine"); incomparable.Machines != machines {
			t.Errorf("%s: only the machines differ: %v", tt.why, incomparable.Machines)
		}
	}
}
