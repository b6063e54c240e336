package judge

import (
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// held is a document of two rows, the first of them the baseline, whose holds were measured as given.
func held(asked, baseline, other time.Duration, limit float64) *result.Document {
	row := func(name string, hold time.Duration, ops float64) result.Result {
		r := result.Result{Strategy: name, Scenario: "chatbot", Baseline: name == "global", LimitOpsPerSec: limit,
			Workload: result.Workload{HoldNs: int64(asked)}}
		for block := range 6 {
			p50 := int64(hold)
			t := result.Trial{Block: block, Ops: 100, OpsPerSec: ops + float64(block), Audit: result.Audit{OK: true}}
			if hold > 0 {
				t.Locks.HoldTimes = &result.Latency{P50: &p50, Mean: 10 * p50, Count: 100}
			}
			r.Trials = append(r.Trials, t)
		}
		return r
	}
	d := &result.Document{Results: []result.Result{row("global", baseline, 1000), row("sharded", other, 50_000)}}
	Summarize(d)
	return d
}

func TestHoldMeanIfFewSamples(t *testing.T) {
	r := &result.Result{Workload: result.Workload{HoldNs: 100}, Trials: []result.Trial{
		{Locks: result.Locks{HoldTimes: &result.Latency{Mean: 102, Count: 4}}}, {Locks: result.Locks{HoldTimes: &result.Latency{}}}, {}, {Locks: result.Locks{HoldTimes: &result.Latency{Mean: 104, Count: 5}}},
	}}
	if summarizeDelays(r); r.Summary.HoldNs != 103 || r.Summary.HoldNotReached {
		t.Errorf("%+v", r.Summary)
	}
}

// Two documents in which a store held its sessions for different times are not compared in that row.
func TestCompareExcludesDifferentHolds(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		why   string
		other time.Duration
		out   string
	}{
		{"the same", 1020 * time.Microsecond, ""},
		{"not what was asked for", 1100 * time.Microsecond, "hold not reached: 1ms requested, 1.10 ms measured"},
		{"each within 5 %, and 8 % apart", 1040 * time.Microsecond, "hold times differ: 1.04 ms here, 960 µs in old"},
	} {
		old := ms
		if row.other == 1040*time.Microsecond {
			old = 960 * time.Microsecond
		}
		c, err := Compare([]Source{{"old", "old.json", held(ms, ms, old, 1e6)}, {"new", "new.json", held(ms, ms, row.other, 1e6)}})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case row.out == "" && len(c.Excluded) > 0:
			t.Errorf("%s: left out %+v", row.why, c.Excluded)
		case row.out != "" && (len(c.Excluded) != 1 || c.Excluded[0].Reason != row.out || c.Excluded[0].Strategy != "sharded"):
			t.Errorf("%s: left out %+v, want %q", row.why, c.Excluded, row.out)
		}
	}
}

// A threshold on the ratio of two rows is undecided where they have none; one on a figure alone is judged.
func TestThresholdsOfDifferentHolds(t *testing.T) {
	d := held(time.Millisecond, time.Millisecond, 2*time.Millisecond, 1e6)
	for text, want := range map[string]Verdict{"sharded.ops_per_sec > 10× global": Inconclusive, "sharded.ops_per_sec > 10": Passed} {
		threshold, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := threshold.judge(d, &d.Results[1]); got.Verdict != want || (want == Inconclusive) != strings.Contains(got.Reason, "hold not reached") {
			t.Errorf("%s: %s, %s", text, got.Verdict, got.Reason)
		}
	}
}

// Holds that did not end in a window are not known to be what was asked for.
func TestUnknownHoldsHaveNoRatio(t *testing.T) {
	d := held(time.Second, time.Second, 0, 1e6)
	for i := range d.Results[1].Trials {
		d.Results[1].Trials[i].Waiting, d.Results[1].Trials[i].Locks.HeldNsPerOp = &result.Waiting{}, 1
	}
	Summarize(d)
	if s := d.Results[1].Summary; s.VsBaseline != nil || s.NoRatio != "hold not measured: no hold ended in a window" {
		t.Errorf("ratio %v, reason %q", s.VsBaseline, s.NoRatio)
	}
	for i := range d.Results[1].Trials {
		d.Results[1].Trials[i].Locks.HeldNsPerOp = 0
	}
	if Summarize(d); d.Results[1].Summary.VsBaseline == nil {
		t.Errorf("no ratio: %q", d.Results[1].Summary.NoRatio)
	}
}
