package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

func TestRatiosNeedEqualHolds(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		why                    string
		asked, baseline, other time.Duration
		limit                  float64
		ratio                  bool
		says                   string // in the text
		ranked                 string
	}{
		{"both are what was asked for", ms, 1010 * time.Microsecond, 1040 * time.Microsecond, 1e6, true, "sharded is the fastest: 50× global", ""},
		{"the machine was too busy for one", ms, ms, 1060 * time.Microsecond, 1e6, false,
			"No ratio for sharded: hold not reached: 1ms requested, 1.06 ms measured.", "Only global can be ranked: 1.00k ops/s. Not ranked: sharded."},
		{"and for the baseline", ms, 2 * ms, ms, 1e6, false,
			"No ratio for sharded: global: hold not reached: 1ms requested, 2.00 ms measured.", "Only sharded can be ranked: 50.0k ops/s. Not ranked: global."},
		{"each is within 5 %, and together they are not", ms, 960 * time.Microsecond, 1040 * time.Microsecond, 1e6, false,
			"No ratio for sharded: hold times differ: 1.04 ms here, 960 µs for global.", "The rows are not ranked"},
		{"nothing was measured, as in an old document", ms, 0, 0, 1e6, true, "50× global", ""},
		{"a row above the limit is an error of measuring", ms, ms, ms, 40_000, false,
			"Harness error: sharded reaches 125% of the limit", "Only global can be ranked: 1.00k ops/s. Not ranked: sharded."},
	} {
		d := held(row.asked, row.baseline, row.other, row.limit)
		if got := d.Results[1].Summary.VsBaseline != nil; got != row.ratio || (d.Results[1].Summary.NoRatio == "") != row.ratio {
			t.Errorf("%s: ratio %v, reason %q", row.why, d.Results[1].Summary.VsBaseline, d.Results[1].Summary.NoRatio)
		}
		var text strings.Builder
		if err := asText(runPage)(&text, d, Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{row.says, row.ranked} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s: want %q in\n%s", row.why, want, text.String())
			}
		}
		if !row.ratio && strings.Contains(text.String(), "50× global") {
			t.Errorf("%s: a ratio is printed:\n%s", row.why, text.String())
		}
	}
}

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
	judge.Summarize(d)
	return d
}
