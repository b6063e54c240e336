package judge

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sessbench/sessbench/reports/result"
)

func TestWorst(t *testing.T) {
	inOrder := []Verdict{Passed, Inconclusive, Failing, Violated}
	for i, a := range inOrder {
		for j, b := range inOrder {
			if got, want := worst(a, b), inOrder[max(i, j)]; got != want {
				t.Errorf("%s and %s are %s, want %s", a, b, got, want)
			}
		}
	}
	if got := worst(); got != Passed {
		t.Errorf("nothing is %s, want %s", got, Passed)
	}
}

func TestViolationsOf(t *testing.T) {
	want := []FailedAudit{{"new", "chatbot", "forgetful", "failed its audit (lost update, duplicate number)"}}
	var c Check
	for range 2 { // each is there once
		c.violated(Source{Label: "new", Document: failedAudit()})
	}
	c.violated(Source{Label: "new", Document: awkwardNames()}) // a probe that is not audited
	if diff := cmp.Diff(want, c.Violations); diff != "" {
		t.Error(diff)
	}
}

// checkedAs writes what came of thresholds, a line a row: outcome: description.
func checkedAs(t *testing.T, d *result.Document, texts ...string) (lines []string) {
	t.Helper()
	var list []Threshold
	for _, text := range texts {
		list = append(list, mustParse(t, text))
	}
	checked, err := ApplyThresholds(d, list)
	if err != nil {
		t.Fatal(err)
	}
	for i := range checked {
		lines = append(lines, string(checked[i].Verdict)+": "+checked[i].Describe())
	}
	return lines
}

// rates makes a result of trials with these throughputs.
func rates(strategy string, opsPerSec ...float64) result.Result {
	r := build(strategy, 1, len(opsPerSec))
	for i, x := range opsPerSec {
		r.Trials[i].OpsPerSec, r.Trials[i].LatencyNs.Count = x, 1000
	}
	return r
}

// mishap makes a result of one trial in which 100 operations were done, half of them appends, and some ended in errors.
func mishap(missed, conflicts, ofAppends int64) *result.Document {
	r := build("cow", 940, 1)
	r.Trials[0].LatencyNs.Count = 100
	r.Trials[0].Errors = map[string]int64{"not_found": missed, "conflict": conflicts}
	r.Trials[0].Operations = map[string]result.Operation{"append": {Count: 50, Errors: ofAppends}}
	return withoutBaseline(r)
}

func TestCheckThresholds(t *testing.T) {
	far, near := rates("cow", 98, 99, 100, 101, 102, 103), rates("cow", 80, 99, 100, 101, 102, 103)
	for _, tt := range []struct {
		why, text string
		d         *result.Document
		want      []string
	}{
		{"kept", "ops_per_sec > 97", withoutBaseline(far), []string{"pass: cow (chatbot) ops_per_sec is 100, above 97"}},
		{"crossed", "ops_per_sec > 104", withoutBaseline(far), []string{"fail: cow (chatbot) ops_per_sec is 100, not above 104"}},
		{"just kept: the median is 100.5", "ops_per_sec >= 100.5", withoutBaseline(far),
			[]string{"pass: cow (chatbot) ops_per_sec is 100, at least 100 (close: the median's 95 % interval, 98 to 103, contains the bound)"}},
		{"just crossed", "ops_per_sec > 100.5", withoutBaseline(far),
			[]string{"fail: cow (chatbot) ops_per_sec is 100, not above 100 (close: the median's 95 % interval, 98 to 103, contains the bound)"}},
		{"the upper bound is kept by what equals it", "ops_per_sec <= 100.5", withoutBaseline(rates("cow", 100.5)),
			[]string{"pass: cow (chatbot) ops_per_sec is 100, at most 100"}},
		{"and crossed by more", "ops_per_sec <= 99", withoutBaseline(rates("cow", 100)), []string{"fail: cow (chatbot) ops_per_sec is 100, above 99"}},
		{"below is less", "ops_per_sec < 100", withoutBaseline(rates("cow", 100)), []string{"fail: cow (chatbot) ops_per_sec is 100, not below 100"}},
		{"less is below", "ops_per_sec < 101", withoutBaseline(rates("cow", 100)), []string{"pass: cow (chatbot) ops_per_sec is 100, below 101"}},
		{"at least is no less", "ops_per_sec >= 101", withoutBaseline(rates("cow", 100)), []string{"fail: cow (chatbot) ops_per_sec is 100, below 101"}},
		{"the median decides, though one trial is far off", "ops_per_sec > 95", withoutBaseline(near),
			[]string{"pass: cow (chatbot) ops_per_sec is 100, above 95 (close: the median's 95 % interval, 80 to 103, contains the bound)"}},
		{"five trials have no interval to be close by", "ops_per_sec > 100", withoutBaseline(rates("cow", 98, 99, 101, 102, 103)),
			[]string{"pass: cow (chatbot) ops_per_sec is 101, above 100"}},
		{"nothing done is a throughput of 0", "ops_per_sec > 0", withoutBaseline(rates("cow", 0)), []string{"fail: cow (chatbot) ops_per_sec is 0, not above 0"}},
		{"every row, unless one is named", "ops_per_sec > 1000", normal(), []string{
			"fail: global (chatbot) ops_per_sec is 940, not above 1.00k",
			"pass: per-session (chatbot) ops_per_sec is 76.1k, above 1.00k",
			"pass: sharded:shards=16 (chatbot) ops_per_sec is 91.2k, above 1.00k"}},
		{"one is named", "sharded:shards=16.ops_per_sec > 1000", normal(),
			[]string{"pass: sharded:shards=16 (chatbot) ops_per_sec is 91.2k, above 1.00k"}},
		{"every scenario", "global.ops_per_sec < 1", twoScenarios(), []string{
			"fail: global (chatbot) ops_per_sec is 940, not below 1", "fail: global (auth) ops_per_sec is 1.21M, not below 1"}},
		{"no probe", "allocs_per_op < 1", withoutBaseline(build("noop", 5, 1), build("cow", 5, 1)),
			[]string{"pass: cow (chatbot) allocs_per_op is 0.004, below 1"}},
		{"nor one of a user's own", "allocs_per_op < 1", withoutBaseline(probe(build("mine", 5, 1)), build("cow", 5, 1)),
			[]string{"pass: cow (chatbot) allocs_per_op is 0.004, below 1"}},
		{"unless it is named", "noop.allocs_per_op < 1", awkwardNames(), []string{"pass: noop (chatbot) allocs_per_op is 0.004, below 1"}},
		{"a row that failed its audit has no figure", "p50 < 1h", failedAudit(), []string{
			"pass: global (chatbot) p50 is 106 ms, below 3600 s", "pass: sharded (chatbot) p50 is 1.10 ms, below 3600 s"}},
		{"a percentile that too few operations lie beyond", "per-session.p99_9 < 1h", missingPercentiles(),
			[]string{"inconclusive: per-session (hundred-users) p99_9: too few operations beyond it in 1 of 6 trials"}},
		{"nor is it above anything", "global.p99 > 0ns", missingPercentiles(),
			[]string{"inconclusive: global (hundred-users) p99: too few operations beyond it in 6 of 6 trials"}},
		{"no trial", "cow.ops_per_sec > 1", interrupted(), []string{"inconclusive: cow (chatbot) ops_per_sec: no trial was completed"}},
		{"no limit", "of_limit > 0%", withoutBaseline(unlimited()), []string{"inconclusive: cow (chatbot) of_limit: there is no limit, or the trial is too short in 1 of 1 trials"}},
		{"the limit", "of_limit > 50%", withoutBaseline(build("cow", 57_000, 1)), []string{"pass: cow (chatbot) of_limit is 58.8%, above 50%"}},
		{"bytes", "bytes_per_session < 1KiB", withoutBaseline(build("cow", 5, 1)),
			[]string{"fail: cow (chatbot) bytes_per_session is 1.21 KiB, not below 1.00 KiB"}},
		{"no bytes were measured", "bytes_per_session < 1KiB", idle(), []string{"inconclusive: cow (chatbot) bytes_per_session: no operation in 1 of 1 trials"}},
		{"without operations nothing is spent on one", "allocs_per_op < 1", idle(), []string{"inconclusive: cow (chatbot) allocs_per_op: no operation in 1 of 1 trials"}},
		{"nor do they take time", "max < 1h", idle(), []string{"inconclusive: cow (chatbot) max: no operation in 1 of 1 trials"}},
		{"nor do they fail", "errors.rate <= 0%", idle(), []string{"inconclusive: cow (chatbot) errors.rate: no operation in 1 of 1 trials"}},
		{"to find no session is no error", "errors.rate <= 2%", mishap(40, 2, 0), []string{"pass: cow (chatbot) errors.rate is 2%, at most 2%"}},
		{"all others are", "errors.rate < 2%", mishap(0, 2, 0), []string{"fail: cow (chatbot) errors.rate is 2%, not below 2%"}},
		{"an operation's errors when there are no others", "append.errors.rate < 2%", mishap(0, 3, 3),
			[]string{"fail: cow (chatbot) append errors.rate is 6%, not below 2%"}},
		{"when no session was found", "append.errors.rate < 2%", mishap(3, 0, 3), []string{"pass: cow (chatbot) append errors.rate is 0%, below 2%"}},
		{"when it may be either", "append.errors.rate < 2%", mishap(3, 3, 3),
			[]string{"inconclusive: cow (chatbot) append errors.rate: errors that may as well be sessions not found in 1 of 1 trials"}},
		{"an operation that was counted and never done", "append.max < 1h", never(withoutBaseline(build("cow", 940, 1)), "append"),
			[]string{"inconclusive: cow (chatbot) append max: no append in 1 of 1 trials"}},
		{"a system that counts no processor time", "cpu_per_op < 1h", uncounted(), []string{"inconclusive: cow (chatbot) cpu_per_op: not measured in 1 of 1 trials"}},
		{"nothing was completed, so nothing was shared out", "fairness.jain < 1", uncounted(),
			[]string{"inconclusive: cow (chatbot) fairness.jain: nothing was completed in 1 of 1 trials"}},
		{"even and fair", "fairness.jain > 0.98", withoutBaseline(build("cow", 5, 1)), []string{"pass: cow (chatbot) fairness.jain is 0.99, above 0.98"}},
		{"an operation", "append.p50 < 1s", withOperations(withoutBaseline(build("cow", 100, 1)), "append"),
			[]string{"fail: cow (chatbot) append p50 is 1.02 s, not below 1.00 s"}},
		{"an operation that one row did not do", "append.p50 < 1s", lacking(withOperations(normal(), "append"), 1, "append"), []string{
			"pass: global (chatbot) append p50 is 106 ms, below 1.00 s",
			"inconclusive: per-session (chatbot) append p50: no append in 1 of 6 trials",
			"pass: sharded:shards=16 (chatbot) append p50 is 1.10 ms, below 1.00 s"}},
		{"a scenario without the operation is not meant", "global.validate.p50 < 1s", scattered(), []string{"pass: global (auth) validate p50 is 82.6 µs, below 1.00 s"}},
	} {
		if diff := cmp.Diff(tt.want, checkedAs(t, tt.d, tt.text)); diff != "" {
			t.Errorf("%s: %s", tt.why, diff)
		}
	}
}

// unlimited is a result of a run in which nothing limits the throughput.
func unlimited() result.Result {
	r := build("cow", 5, 1)
	r.LimitOpsPerSec = 0
	return r
}

// idle is a document of one trial in which nothing was done.
func idle() *result.Document {
	r := build("cow", 5, 1)
	r.Trials[0] = result.Trial{ElapsedNs: 1, Audit: result.Audit{OK: true}}
	return withoutBaseline(r)
}

// probe makes a result one of a store that nobody audits.
func probe(r result.Result) result.Result {
	for i := range r.Trials {
		r.Trials[i].Audit = result.Audit{Skipped: true}
	}
	return r
}

// never gives the first trial an operation that nobody did.
func never(d *result.Document, op string) *result.Document {
	d.Results[0].Trials[0].Operations = map[string]result.Operation{op: {}}
	return d
}

// uncounted is a document of one trial that knows neither processor time nor fairness.
func uncounted() *result.Document {
	d := withoutBaseline(build("cow", 940, 1))
	d.Results[0].Trials[0].Usage.CPUNsPerOp, d.Results[0].Trials[0].Fairness.Jain = 0, 0
	return d
}

// lacking takes an operation from one trial of a result.
func lacking(d *result.Document, i int, op string) *result.Document {
	delete(d.Results[i].Trials[3].Operations, op)
	return d
}

// scattered is a document whose scenarios have different operations.
func scattered() *result.Document {
	d := withOperations(twoScenarios(), "append")
	for i := range d.Results {
		if d.Results[i].Scenario != "auth" {
			continue
		}
		for j := range d.Results[i].Trials {
			ops := d.Results[i].Trials[j].Operations
			ops["validate"] = ops["append"]
			delete(ops, "append")
		}
	}
	return d
}

func TestRelativeThresholds(t *testing.T) {
	// Global's blocks are 1 to 6 times as fast as its first, and cow's keep up: 10 times as fast in each but the last two.
	global := func() result.Result { return rates("global", 10, 20, 30, 40, 50, 60) }
	pair := func() *result.Document { return document(global(), rates("cow", 100, 200, 300, 400, 600, 720)) }
	for _, tt := range []struct {
		why, text string
		d         *result.Document
		want      []string
	}{
		{"kept, and the baseline is not compared with itself", "ops_per_sec > 9x", pair(),
			[]string{"pass: cow (chatbot) ops_per_sec is 350, 10× that of global, per block (10–12×), above 9×"}},
		{"crossed", "cow.ops_per_sec > 15x global.ops_per_sec", pair(),
			[]string{"fail: cow (chatbot) ops_per_sec is 350, 10× that of global, per block (10–12×), not above 15×"}},
		{"crossed, but not by far", "ops_per_sec > 10.5x", pair(),
			[]string{"fail: cow (chatbot) ops_per_sec is 350, 10× that of global, per block (10–12×), not above 10.5×: close, since the interval contains it"}},
		{"the ratios per block decide (10.6), and not that of the medians (395/35 = 11.3)", "ops_per_sec > 11x",
			document(global(), rates("cow", 90, 190, 290, 500, 600, 700)),
			[]string{"fail: cow (chatbot) ops_per_sec is 395, 10.6× that of global, per block (9.00–12×), not above 11×: close, since the interval contains it"}},
		{"the other way round", "global.ops_per_sec <= 0.2x cow", pair(),
			[]string{"pass: global (chatbot) ops_per_sec is 35, 0.1× that of cow, per block (0.083–0.10×), at most 0.2×"}},
		{"few blocks have no interval", "ops_per_sec > 9x", document(rates("global", 10), rates("cow", 100)),
			[]string{"pass: cow (chatbot) ops_per_sec is 100, 10× that of global, per block, above 9×"}},
		{"a row without the baseline's block", "ops_per_sec > 9x", document(rates("global", 10), apart(rates("cow", 100))),
			[]string{"inconclusive: cow (chatbot) ops_per_sec: no block has a trial of both it and global"}},
		{"nothing to divide by", "ops_per_sec > 9x", document(rates("global", 10, 0), rates("cow", 100, 100)),
			[]string{"inconclusive: cow (chatbot) ops_per_sec: a figure is 0 in some trial, so there is no ratio to global"}},
		{"nothing to divide", "ops_per_sec < 9x", document(rates("global", 10, 10), rates("cow", 100, 0)),
			[]string{"inconclusive: cow (chatbot) ops_per_sec: a figure is 0 in some trial, so there is no ratio to global"}},
		{"a baseline that failed its audit", "sharded.ops_per_sec > 1x", failedBaseline(),
			[]string{"inconclusive: sharded (chatbot) ops_per_sec: compared with global: failed its audit (census)"}},
		{"a baseline without the percentile", "p99 < 1x", missingPercentiles(),
			[]string{"inconclusive: per-session (hundred-users) p99: compared with global: too few operations beyond it in 6 of 6 trials"}},
		{"another scenario than the other's", "ops_per_sec > 1x sharded", twoScenarios(), []string{
			"fail: global (chatbot) ops_per_sec is 940, 0.0105× that of sharded, per block (0.0096–0.011×), not above 1×",
			"fail: per-session (chatbot) ops_per_sec is 91.0k, 0.983× that of sharded, per block (0.94–1.07×), not above 1×: close, since the interval contains it",
			"inconclusive: global (auth) ops_per_sec: no row in this scenario to compare with",
			"inconclusive: per-session (auth) ops_per_sec: no row in this scenario to compare with",
			"inconclusive: cow (auth) ops_per_sec: no row in this scenario to compare with"}},
		{"another operation's figure", "cow.append.p50 < 0.6x global.history.p50", slower(withOperations(pair(), "append", "history"), "history"),
			[]string{"pass: cow (chatbot) append p50 is 100 s, 0.5× that of global history, per block (0.49–0.51×), below 0.6×"}},
		{"operations against each other, the baseline's own among them", "append.p50 < 1.5x history", withOperations(pair(), "append", "history"), []string{
			"pass: global (chatbot) append p50 is 100 s, 1× that of global history, per block (1.00–1.00×), below 1.5×",
			"pass: cow (chatbot) append p50 is 100 s, 1× that of global history, per block (0.99–1.01×), below 1.5×"}},
	} {
		if diff := cmp.Diff(tt.want, checkedAs(t, tt.d, tt.text)); diff != "" {
			t.Errorf("%s: %s", tt.why, diff)
		}
	}
}

// slower has an operation take twice as long in all trials.
func slower(d *result.Document, op string) *result.Document {
	for i := range d.Results {
		for _, t := range d.Results[i].Trials {
			o := t.Operations[op]
			o.LatencyNs.P50 = ns(2 * float64(*o.LatencyNs.P50))
			t.Operations[op] = o
		}
	}
	return d
}

// apart moves a result's trials to blocks of their own.
func apart(r result.Result) result.Result {
	for i := range r.Trials {
		r.Trials[i].Block += 1000
	}
	return r
}

// The fields of a threshold are what the formats show.
func TestCheckedThresholdFields(t *testing.T) {
	d := withOperations(document(rates("global", 10), rates("cow", 100)), "append")
	d.Results = append(d.Results, rates("xsync"))
	list := []Threshold{mustParse(t, "cow.append.errors.rate <= 0.1%"), mustParse(t, "cow.ops_per_sec > 4x"), mustParse(t, "cow.p99_99<1s"),
		mustParse(t, "cow.p50<3x xsync")}
	checked, err := ApplyThresholds(d, list)
	if err != nil {
		t.Fatal(err)
	}
	zero, hundred, p50 := 0.0, 100.0, float64(*d.Results[1].Trials[0].LatencyNs.P50)
	want := []ThresholdCheck{
		{Threshold: "cow.append.errors.rate <= 0.1%", Scenario: "chatbot", Strategy: "cow", Operation: "append", Metric: "errors.rate",
			Unit: "share", Value: &zero, Bound: 0.001, Operator: "<=", Verdict: Passed},
		{Threshold: "cow.ops_per_sec > 4x", Scenario: "chatbot", Strategy: "cow", Metric: "ops_per_sec", Unit: "ops/s",
			Value: &hundred, Bound: 40, Operator: ">", Verdict: Passed, Reason: "10× that of global, per block, above 4×"},
		{Threshold: "cow.p99_99<1s", Scenario: "chatbot", Strategy: "cow", Metric: "p99_99", Unit: "ns",
			Bound: 1e9, Operator: "<", Verdict: Inconclusive, Reason: "too few operations beyond it in 1 of 1 trials"},
		{Threshold: "cow.p50<3x xsync", Scenario: "chatbot", Strategy: "cow", Metric: "p50", Unit: "ns",
			Value: &p50, Operator: "<", Verdict: Inconclusive, Reason: "compared with xsync: no trial was completed"},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	if diff := cmp.Diff(want, checked, near, cmpopts.IgnoreUnexported(ThresholdCheck{})); diff != "" {
		t.Error(diff)
	}
}

func TestCheckThresholdsRefuses(t *testing.T) {
	for text, want := range map[string]string{"locky.p50<1s": "locky", "touch.p50<1s": "no operation touch", "ops_per_sec>1x": "no baseline"} {
		checked, err := ApplyThresholds(withOperations(noBaseline(), "append"), []Threshold{mustParse(t, "p50<1s"), mustParse(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v and %v, want an error with %q", text, checked, err, want)
		}
	}
}

func TestNewThresholdCheck(t *testing.T) {
	cut := normal()
	cut.Interrupted = true
	for _, tt := range []struct {
		why     string
		d       *result.Document
		texts   []string
		verdict Verdict
		words   string
	}{
		{"all met", normal(), []string{"ops_per_sec>1", "p50<1h"}, Passed, "6 thresholds: all met."},
		{"one", normal(), []string{"global.p50<1h"}, Passed, "1 threshold: all met."},
		{"crossed", normal(), []string{"per-session.ops_per_sec>1e5", "global.p50<1h"}, Failing,
			"1 of 2 thresholds crossed: per-session (chatbot) ops_per_sec is 76.1k, not above 100k."},
		{"the farthest from its bound comes first", normal(), []string{"per-session.ops_per_sec>1e5", "global.ops_per_sec>1e5"}, Failing,
			"2 of 2 thresholds crossed: global (chatbot) ops_per_sec is 940, not above 100k; per-session (chatbot) ops_per_sec is 76.1k, not above 100k."},
		{"many are counted", twoScenarios(), []string{"ops_per_sec<=0"}, Failing,
			"6 of 6 thresholds crossed: global (chatbot) ops_per_sec is 940, above 0; per-session (chatbot) ops_per_sec is 91.0k, above 0; " +
				"sharded (chatbot) ops_per_sec is 91.2k, above 0; and 3 more."},
		{"no figure is no pass", normal(), []string{"global.p50<1h", "global.p99_99<1h"}, Inconclusive,
			"1 of 2 thresholds cannot be judged: global (chatbot) p99_99: too few operations beyond it in 6 of 6 trials."},
		{"crossed is worse than not judged", normal(), []string{"global.p50<1ns", "global.p99_99<1h"}, Failing,
			"1 of 2 thresholds crossed: global (chatbot) p50 is 106 ms, not below 1 ns. " +
				"1 of 2 thresholds cannot be judged: global (chatbot) p99_99: too few operations beyond it in 6 of 6 trials."},
		{"a failed audit is worse than anything", failedAudit(), []string{"global.p50<1ns"}, Violated,
			"forgetful (chatbot) failed its audit (lost update, duplicate number) in new: there is no speed to judge. " +
				"1 of 1 threshold crossed: global (chatbot) p50 is 106 ms, not below 1 ns."},
		{"also when nothing else is left to judge", failedAudit(), []string{"forgetful.touch.p50<1ns"}, Violated,
			"forgetful (chatbot) failed its audit (lost update, duplicate number) in new: there is no speed to judge."},
		{"cut short is no pass", cut, []string{"global.p50<1h"}, Inconclusive,
			"interrupted: only the trials completed before were judged."},
		{"cut short, and crossed all the same", cut, []string{"global.p50<1ns"}, Failing,
			"1 of 1 threshold crossed: global (chatbot) p50 is 106 ms, not below 1 ns. Interrupted: only the trials completed before were judged."},
	} {
		var list []Threshold
		for _, text := range tt.texts {
			list = append(list, mustParse(t, text))
		}
		before := fmt.Sprint(tt.d)
		c, err := CheckThresholds(Source{"new", "new.json", tt.d}, list, "sessbench check")
		if err != nil {
			t.Errorf("%s: %v", tt.why, err)
			continue
		}
		if c.Verdict != tt.verdict || c.Explanation != tt.words {
			t.Errorf("%s: %s, %q: want %s, %q", tt.why, c.Verdict, c.Explanation, tt.verdict, tt.words)
		}
		if c.Mode != ThresholdMode || c.Kind != checkKind || c.SchemaVersion != CheckVersion || c.Command != "sessbench check" ||
			len(c.Documents) != 1 || c.Documents[0].Label != "new" || c.New != tt.d || c.Interrupted != tt.d.Interrupted {
			t.Errorf("%s: %+v", tt.why, c)
		}
		if _, err := json.Marshal(c); err != nil {
			t.Errorf("%s: %v", tt.why, err)
		}
		if fmt.Sprint(tt.d) != before {
			t.Errorf("%s: the document was changed", tt.why)
		}
	}
}

func TestNewThresholdCheckRefuses(t *testing.T) {
	if c, err := CheckThresholds(Source{"new", "new.json", normal()}, nil, ""); err == nil {
		t.Errorf("no threshold gives %s", c.Verdict)
	}
	if c, err := CheckThresholds(Source{"new", "new.json", normal()}, []Threshold{mustParse(t, "locky.p50<1s")}, ""); err == nil {
		t.Errorf("a threshold that matches nothing gives %s", c.Verdict)
	}
}
