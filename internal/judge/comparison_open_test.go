package judge

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// openDocument is a document of an open loop with two strategies, ten trials each. The second achieves the given share, and is
// saturated below 0.9.
func openDocument(label string, achieved float64) Source {
	d := &result.Document{ID: label}
	for _, of := range []struct {
		name     string
		achieved float64
	}{{"global", 1}, {"sharded", achieved}} {
		r := result.Result{Strategy: of.name, Scenario: "chatbot", Workload: result.Workload{TapeHash: "t", Load: "1000/s poisson", Users: 16384}}
		for block := range 10 {
			jitter := 1 + float64(block)/1000
			p50, p99 := int64(1e6*jitter), int64(5e6*jitter)
			r.Trials = append(r.Trials, result.Trial{
				Block: block, Ops: 1000, OpsPerSec: 1000 * of.achieved * jitter, Audit: result.Audit{OK: true},
				LatencyNs: result.Latency{P50: &p50, P99: &p99, Count: 1000},
				OpenLoop:  &result.OpenLoop{Offered: 1000 * jitter, Achieved: of.achieved, Saturated: of.achieved < 0.9},
			})
		}
		d.Results = append(d.Results, r)
	}
	Summarize(d)
	return Source{label, label + ".json", d}
}

// In an open loop, the response times and what was achieved are compared, and not the throughput. Times of a saturated result are
// not.
func TestCompareOpenLoops(t *testing.T) {
	c, err := Compare([]Source{openDocument("a", 1), openDocument("b", 0.5)})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Differences) > 0 {
		t.Errorf("differences: %+v", c.Differences)
	}
	rows := map[string][]string{}
	for _, table := range c.Scenarios[0].Tables {
		for _, r := range table.Rows {
			rows[table.Metric] = append(rows[table.Metric], r.Strategy)
		}
	}
	for _, want := range []struct {
		metric string
		rows   []string
	}{
		{"ops_per_sec", nil}, {"latency_p50_ns", []string{"global"}}, {"latency_p99_ns", []string{"global"}},
		{"achieved", []string{"global", "sharded"}},
	} {
		if got := rows[want.metric]; !slices.Equal(got, want.rows) {
			t.Errorf("%s is compared of %v, want %v", want.metric, got, want.rows)
		}
	}
	if len(c.Excluded) != 1 || c.Excluded[0].Document != "b" || c.Excluded[0].Reason != "saturated: 50% of 1.00k/s, so that its times are not compared" {
		t.Errorf("excluded: %+v", c.Excluded)
	}
	if c.Counts[Worse] != 1 {
		t.Errorf("counts: %v", c.Counts)
	}
}

// A percentile that is a lower bound in some trial is not compared.
func TestCompareLowerBounds(t *testing.T) {
	a, b := openDocument("a", 1), openDocument("b", 1)
	b.Document.Results[0].Trials[3].LatencyNs.Censored = &result.Censored{Count: 20, LeastNs: 4e6}
	c, err := Compare([]Source{a, b})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range c.Scenarios[0].Tables {
		if n := len(table.Rows); table.Metric == "latency_p99_ns" && n != 1 || table.Metric == "latency_p50_ns" && n != 2 {
			t.Errorf("%s: %+v", table.Metric, table.Rows)
		}
	}
	check, err := CheckStored(Stored{Gating: Gating{Gated: []string{"latency_p99_ns"}, Named: true, MinEffect: 0.1}, Old: a, New: b})
	if err != nil {
		t.Fatal(err)
	}
	if m := check.Scenarios[0].Rows[0].Metrics; check.Verdict != Inconclusive || !slices.ContainsFunc(m, func(m MetricCheck) bool {
		return m.Gated && m.Reason == "a lower bound in 1 of 20 trials, where operations had not ended"
	}) {
		t.Errorf("%s: %+v", check.Verdict, m)
	}
}

// A store that no longer keeps up fails by what it achieves.
func TestCheckOpenLoops(t *testing.T) {
	stored := func(gated []string, named bool, achieved float64) *Check {
		t.Helper()
		c, err := CheckStored(Stored{Gating: Gating{Gated: gated, Named: named, MinEffect: 0.1},
			Old: openDocument("old", 1), New: openDocument("new", achieved)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	all := metric.Names(metric.Gated())
	if c := stored(all, false, 1); c.Verdict != Passed || slices.Contains(c.Rule.Gated, "ops_per_sec") || !slices.Contains(c.Rule.Gated, "achieved") {
		t.Errorf("%s by %v", c.Verdict, c.Rule.Gated)
	}
	c := stored(all, false, 0.5)
	if c.Verdict != Failing {
		t.Errorf("a saturated store: %s, %+v", c.Verdict, c.Excluded)
	}
	if !slices.ContainsFunc(c.Excluded, func(e Exclusion) bool {
		return e.Strategy == "sharded" && strings.HasPrefix(e.Reason, "p50 is not judged: saturated: 50% of 1.00k/s")
	}) {
		t.Errorf("excluded: %+v", c.Excluded)
	}
	// What is asked for and does not tell anything cannot pass.
	if c := stored([]string{"ops_per_sec", "achieved"}, true, 1); c.Verdict != Inconclusive {
		t.Errorf("ops_per_sec of an open loop: %s", c.Verdict)
	}
}

// Different loads are not comparable.
func TestCompareLoads(t *testing.T) {
	a, b := openDocument("a", 1), openDocument("b", 1)
	for i := range b.Document.Results {
		b.Document.Results[i].TapeHash = "u"
		b.Document.Results[i].Users = 300
	}
	b.Document.Config.Overrides = map[string]string{"rate": "700/s", "max-users": "300"}
	c, err := Compare([]Source{a, b})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(c.DescribeDifferences(), "; ")
	for _, want := range []string{"rate: not set in a, 700/s in b", "users (chatbot): 16384 in a, 300 in b", "tape (chatbot): t in a, u in b"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q not in %s", want, all)
		}
	}
}

// The history of an open loop has no throughput, and no times of a saturated result.
func TestHistoryOfOpenLoops(t *testing.T) {
	d := openDocument("a", 0.5).Document
	if m := historyResult(&d.Results[0]).Metrics; m["achieved"] != 1 || m["latency_p50_ns"] == 0 || m["ops_per_sec"] != 0 {
		t.Errorf("%v", m)
	}
	if m := historyResult(&d.Results[1]).Metrics; m["achieved"] != 0.5 || m["latency_p50_ns"] != 0 {
		t.Errorf("saturated: %v", m)
	}
}
