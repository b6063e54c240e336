package reports

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// A verdict is as bad as the worst that it goes by, and goes by nothing else.
func TestDuetVerdicts(t *testing.T) {
	slowTail := func(d judge.Duet) judge.Duet {
		eachTrial(d.Fresh, "sharded", func(t *result.Trial) { *t.LatencyNs.P99 *= 2 })
		return d
	}
	with := func(change func(d *judge.Duet), d judge.Duet) judge.Duet { change(&d); return d }
	for _, tt := range []struct {
		why  string
		duet judge.Duet
		want judge.Verdict
		said string // in its words
	}{
		{"nothing changed", passing(), judge.Passed, "no gated metric is worse by 5 % or more (30 pairs, 8 comparisons)"},
		{"a tenth slower", failing(), judge.Failing, "sharded (chatbot) allocs/op went from 0.004 to 1, and 4 more of 8"},
		{"faster is no fail", duet(30, 1.2, 0.03, "sharded"), judge.Passed, ""},
		{"the machine differs from itself", restless(), judge.Inconclusive, "8 comparisons are inconclusive"},
		{"which hides what would have failed", with(func(d *judge.Duet) { d.Fresh = arm(30, 0.8, 0.01, 3, "per-session", "sharded") }, restless()),
			judge.Inconclusive, ""},
		{"too restless to say", duet(12, 0.97, 0.12, "per-session"), judge.Inconclusive, "would suffice"},
		{"fewer pairs than a bound needs", duet(5, 1, 0.001, "per-session"), judge.Inconclusive, ""},
		{"p99 alone is slower, and not gated", slowTail(passing()), judge.Passed, ""},
		{"and is when it is", with(func(d *judge.Duet) { d.Gated = []string{"latency_p99_ns"} }, slowTail(passing())),
			judge.Failing, "sharded (chatbot) p99 is"},
		{"where only p99 is, no other metric fails", with(func(d *judge.Duet) { d.Gated = []string{"latency_p99_ns"} }, failing()),
			judge.Failing, "p99"},
		{"or bytes per operation, which did not change", with(func(d *judge.Duet) { d.Gated = []string{"bytes_per_op"} }, failing()),
			judge.Passed, ""},
		{"a percentile is missing in one trial of the copy", lackingPercentiles(),
			judge.Inconclusive, "too few operations beyond it in 1 of 90 trials"},
		{"and something else failed", with(func(d *judge.Duet) { d.Fresh.Results[0].Trials[7].LatencyNs.P50 = nil }, failing()),
			judge.Failing, ""},
		{"the new store lost something", violated(),
			judge.Violated, "sharded (chatbot) failed its audit (lost update) in new: there is no speed to judge"},
		{"the old one did", with(func(d *judge.Duet) { lost(d.Old, "sharded") }, passing()), judge.Violated, "in old"},
		{"its copy did", with(func(d *judge.Duet) { lost(d.Copied, "sharded") }, passing()), judge.Violated, "in old"},
		{"both did, and are one", with(func(d *judge.Duet) { lost(d.Old, "sharded"); lost(d.Copied, "sharded") }, passing()), judge.Violated,
			"(lost update) in old: there is no speed to judge."},
		{"every store did", with(func(d *judge.Duet) { lost(d.Fresh, "") }, passing()), judge.Violated, "and 1 more failed their audits"},
		{"interrupted", cutShort(), judge.Inconclusive, "interrupted after 11 of 30 pairs"},
		{"interrupted when it had failed already", with(func(d *judge.Duet) { d.Interrupted = true }, failing()),
			judge.Failing, "Interrupted after 30 of 30"},
		{"interrupted with a violation", with(func(d *judge.Duet) { d.Interrupted = true }, violated()), judge.Violated, ""},
		{"interrupted before anything was measured", with(func(d *judge.Duet) {
			d.Interrupted = true
			for i := range d.Fresh.Results {
				d.Fresh.Results[i].Trials = nil
			}
		}, passing()), judge.Inconclusive, "interrupted"},
		{"no block in common", with(func(d *judge.Duet) { eachTrial(d.Fresh, "", func(t *result.Trial) { t.Block += 100 }) }, passing()),
			judge.Inconclusive, "too few pairs"},
		{"a row that the copy lacks", with(func(d *judge.Duet) { d.Copied.Results = d.Copied.Results[:1] }, passing()),
			judge.Inconclusive, "not everything"},
		{"a row without a finished trial", with(func(d *judge.Duet) { d.Fresh.Results[1].Trials = nil }, passing()),
			judge.Inconclusive, "not everything"},
		{"a threshold is crossed", with(func(d *judge.Duet) { d.Thresholds = thresholds("p50<1ns") }, passing()),
			judge.Failing, "2 of 2 thresholds crossed"},
		{"a threshold is met", with(func(d *judge.Duet) { d.Thresholds = thresholds("p50>1ns") }, passing()),
			judge.Passed, "8 comparisons, 2 thresholds met)"},
		{"an operation that nobody did cannot be judged, when its name is known", with(func(d *judge.Duet) {
			d.Thresholds = thresholds("touch.p50<1s")
			d.Thresholds[0].Known = true
		}, passing()), judge.Inconclusive, "cannot be judged"},
		{"nobody measured bytes per session, and nobody asked", with(unfootprinted, passing()), judge.Passed, "6 comparisons"},
		{"or somebody did", with(func(d *judge.Duet) { unfootprinted(d); d.Gated, d.Named = metric.Names(metric.Gated()), true }, passing()),
			judge.Inconclusive, "not everything"},
		{"allocations of no operation", with(func(d *judge.Duet) {
			eachTrial(d.Fresh, "sharded", func(t *result.Trial) { t.Ops = 0 })
			d.Gated = []string{"allocs_per_op"}
		}, passing()), judge.Inconclusive, ""},
		{"a threshold cannot be judged", with(func(d *judge.Duet) { d.Thresholds = thresholds("p99_99<1s") }, passing()),
			judge.Inconclusive, "2 of 2 thresholds cannot be judged"},
	} {
		c := checking(t, tt.duet)
		if c.Verdict != tt.want || c.Binding() != tt.want || !strings.Contains(c.Explanation, tt.said) || !strings.HasSuffix(c.Explanation, ".") {
			t.Errorf("%s: %s, binding %s: %s\nwant %s with %q", tt.why, c.Verdict, c.Binding(), c.Explanation, tt.want, tt.said)
		}
	}
}

// unfootprinted takes the bytes per session away.
func unfootprinted(d *judge.Duet) {
	for _, doc := range []*result.Document{d.Old, d.Copied, d.Fresh} {
		eachTrial(doc, "", func(t *result.Trial) { t.BytesPerSession = 0 })
	}
}

// Comparisons are the gated metrics of all rows, and share the chance of a false alarm.
func TestDuetRule(t *testing.T) {
	two := passing()
	two.Gated = []string{"ops_per_sec", "latency_p99_ns"}
	probe := passing()
	for _, arm := range []*result.Document{probe.Old, probe.Copied, probe.Fresh} {
		eachTrial(arm, "sharded", func(t *result.Trial) { t.BytesPerSession = 0 })
	}
	none := passing()
	for _, arm := range []*result.Document{none.Old, none.Copied, none.Fresh} {
		eachTrial(arm, "sharded", func(t *result.Trial) { t.LatencyNs.P50 = nil })
	}
	half := passing()
	eachTrial(half.Fresh, "sharded", func(t *result.Trial) { t.BytesPerSession = 0 })
	for _, tt := range []struct {
		why     string
		duet    judge.Duet
		m       int
		leftOut string
		verdict judge.Verdict
	}{
		{"four metrics of two strategies", passing(), 8, "", judge.Passed},
		{"two", two, 4, "", judge.Passed},
		{"nobody measured bytes per session of one", probe, 7, "old sharded: no bytes_per_session on either side", judge.Passed},
		{"nobody had operations enough for p50 of one, which is no reason not to gate it", none, 8, "", judge.Inconclusive},
		{"one side did", half, 8, "", judge.Inconclusive},
		{"a row that is violated is not compared", violated(), 4, "", judge.Violated},
	} {
		c := checking(t, tt.duet)
		var out []string
		for _, l := range c.Excluded {
			out = append(out, l.Document+" "+l.Strategy+": "+l.Reason)
		}
		if r := c.Rule; r.Comparisons != tt.m || r.Alpha != 0.01/float64(tt.m) || r.PassAlpha != 0.1 || len(c.Gates()) != tt.m {
			t.Errorf("%s: %+v with %d gates, want %d", tt.why, r, len(c.Gates()), tt.m)
		}
		if got := strings.Join(out, "; "); got != tt.leftOut || c.Verdict != tt.verdict {
			t.Errorf("%s: %s, left out %q, want %s and %q", tt.why, c.Verdict, got, tt.verdict, tt.leftOut)
		}
	}
	if c := checking(t, violated()); c.Rule == nil || len(c.Scenarios[0].Rows) != 1 {
		t.Errorf("a violated row is among the judged: %+v", c.Scenarios)
	}
	lost(none.Fresh, "")
	if c := checking(t, none); c.Rule != nil || c.Scenarios != nil {
		t.Errorf("nothing has a speed, and was judged: %+v", c.Scenarios)
	}
}

// Pairs are made of equal blocks, in whatever order the trials stand, and only of those that all three have.
func TestDuetUsesCompleteBlocksOnly(t *testing.T) {
	whole := checking(t, duet(30, 0.95, 0.02, "sharded"))
	d := duet(33, 0.95, 0.02, "sharded")
	for i, doc := range []*result.Document{d.Old, d.Copied, d.Fresh} {
		trials := doc.Results[0].Trials
		trials = slices.Delete(trials, 30+i, 31+i) // each lacks another one
		slices.Reverse(trials)
		doc.Results[0].Trials = trials
	}
	c := checking(t, d)
	if c.Rule.Pairs != 30 {
		t.Errorf("%d pairs, want 30", c.Rule.Pairs)
	}
	uneven := passing()
	for i, n := range []int{28, 29} {
		uneven.Fresh.Results[i].Trials = uneven.Fresh.Results[i].Trials[:n]
	}
	if c := checking(t, uneven); c.Rule.Pairs != 28 {
		t.Errorf("%d pairs, want the 28 that every row has", c.Rule.Pairs)
	}
	if diff := cmp.Diff(whole.Scenarios[0].Rows, c.Scenarios[0].Rows, cmpopts.IgnoreUnexported(judge.MetricCheck{})); diff != "" {
		t.Errorf("the same 30 blocks, otherwise: %s", diff)
	}
}

func TestChangeIsNewOverOld(t *testing.T) {
	c := checking(t, duet(30, 0.8, 0.005, "sharded"))
	for _, g := range c.Gates() {
		switch g.Metric {
		case "ops_per_sec", "latency_p50_ns":
			want := 0.25
			if g.Better == "higher" {
				want = -0.2
			}
			if g.Change == nil || math.Abs(*g.Change-want) > 0.02 || g.Verdict != judge.Failing {
				t.Errorf("%s at 0.8 times the speed: %s %v, want a fail by about %v", g.Metric, g.Verdict, plus(g.Change), want)
			}
			if g.Lower == nil || g.Upper == nil || !(*g.Lower <= *g.Change && *g.Change <= *g.Upper) {
				t.Errorf("%s: bounds %s around %s", g.Metric, boundsText(g.MetricCheck), plus(g.Change))
			}
		default:
			if g.Verdict != judge.Passed || plus(g.Change) != "0.0%" {
				t.Errorf("%s: %s %s", g.Metric, g.Verdict, plus(g.Change))
			}
		}
	}
}

// What had to be the same and is not is an error of its own type, and nothing else is.
func TestDuetNotComparable(t *testing.T) {
	each := func(d *result.Document, change func(r *result.Result)) {
		for i := range d.Results {
			change(&d.Results[i])
		}
	}
	for _, tt := range []struct {
		why    string
		change func(d *judge.Duet)
		want   string // "": comparable
	}{
		{"nothing", func(*judge.Duet) {}, ""},
		{"another tape", func(d *judge.Duet) { each(d.Fresh, func(r *result.Result) { r.TapeHash = "sha256:00" }) },
			"tape (chatbot): sha256:3f2a9c1d77e0 in old, sha256:00 in new"},
		{"another tape of the copy", func(d *judge.Duet) { each(d.Copied, func(r *result.Result) { r.TapeHash = "sha256:00" }) },
			"tape (chatbot): sha256:3f2a9c1d77e0 in old, sha256:00 in old′"},
		{"users", func(d *judge.Duet) { each(d.Fresh, func(r *result.Result) { r.Users = 7 }) }, "users (chatbot): 100 in old, 7 in new"},
		{"seed", func(d *judge.Duet) { d.Fresh.Config.Settings["seed"] = "9" }, "seed: 1 in old, 9 in new"},
		{"other strategies", func(d *judge.Duet) { each(d.Fresh, func(r *result.Result) { r.Strategy = "x" + r.Strategy }) }, "nothing in common"},
		{"no results", func(d *judge.Duet) { d.Fresh.Results = nil }, "./sessbench: no results"},
		{"a result twice", func(d *judge.Duet) { d.Old.Results[1] = d.Old.Results[0] }, "occurs twice"},
		{"another version of Go is part of what is compared", func(d *judge.Duet) { d.Fresh.Machine.Go = "go1.27.0" }, ""},
		{"another version of the tool is the point", func(d *judge.Duet) { d.Fresh.Tool.Version = "v9" }, ""},
	} {
		d := passing()
		tt.change(&d)
		_, err := judge.CheckDuet(d)
		var incomparable *judge.NotComparableError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.why, err)
		case tt.want != "" && (!errors.As(err, &incomparable) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want an IncomparableError with %q", tt.why, err, tt.want)
		}
	}
	d := passing()
	d.Fresh.Machine.Go = "go1.27.0"
	const said = "The machines differ: Go: go1.26.0 in old, go1.27.0 in new."
	if text := checkAs(t, "table", checking(t, d), Options{}); !strings.Contains(text, said) {
		t.Errorf("%q is not said:\n%s", said, text)
	}
}

func TestUnknownGatedMetric(t *testing.T) {
	for _, tt := range []struct {
		gated []string
		want  string
	}{
		{[]string{"p50"}, `gated metric "p50": want some of ops_per_sec, latency_p50_ns, latency_p95_ns, latency_p99_ns, allocs_per_op, bytes_per_op, bytes_per_session`},
		{[]string{"ops_per_sec", "ops_per_sec"}, "named twice"},
	} {
		d := passing()
		d.Gated = tt.gated
		if _, err := judge.CheckDuet(d); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: got %v, want %q", tt.gated, err, tt.want)
		}
	}
	d := duet(30, 1, 0.01, "noop")
	d.Gated = []string{"bytes_per_session"}
	for _, arm := range []*result.Document{d.Old, d.Copied, d.Fresh} {
		eachTrial(arm, "", func(t *result.Trial) { t.BytesPerSession = 0 })
	}
	if _, err := judge.CheckDuet(d); err == nil || !strings.Contains(err.Error(), "nothing to judge") {
		t.Errorf("a gate that matches nothing: got %v", err)
	}
	var names []string
	for _, m := range metric.Compared() {
		names = append(names, m.Short())
	}
	if got := strings.Join(names, " "); got != "ops_per_sec p50 p95 p99 allocs_per_op bytes_per_op bytes_per_session achieved" {
		t.Errorf("metrics on the command line: %s", got)
	}
}
