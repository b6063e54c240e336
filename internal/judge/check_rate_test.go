package judge

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// ratedDocument returns a document of an open loop with one trial for each letter: p meets p99<5ms, f does not, s is saturated, u has too
// few operations, d starts late, v fails its audit.
func ratedDocument(label, trials string) Source {
	r := result.Result{Strategy: "sharded", Scenario: "chatbot", Workload: result.Workload{TapeHash: "t", Load: "2000/s poisson"}}
	for i, kind := range trials {
		t := goalTrial(4e6, 4e6, 1e6)
		switch kind {
		case 'f':
			t = goalTrial(6e6, 6e6, 1e6)
		case 's':
			t.OpenLoop.Saturated = true
		case 'u':
			t.LatencyNs.P99 = nil
		case 'd':
			t = goalTrial(4e6, 4e6, 6e6)
		case 'v':
			t.Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
		}
		t.Order, t.Block = i, i
		r.Trials = append(r.Trials, *t)
	}
	d := &result.Document{ID: label, Results: []result.Result{r}}
	Summarize(d)
	return Source{label, label + ".json", d}
}

func goals(t *testing.T, texts ...string) (list []Threshold) {
	t.Helper()
	for _, text := range texts {
		th, err := ParseThreshold(text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, th)
	}
	return list
}

// TestCheckAtRate: no trial decides alone.
func TestCheckAtRate(t *testing.T) {
	for _, test := range []struct {
		why, trials string
		want        Verdict
		says        string
	}{
		{"all meet it", "pppppp", Passed, "1 goal: all met"},
		{"none does", "ffffff", Failing, "met in 0 of 6 trials at 2000/s poisson: p99 is 6.00 ms, not below 5.00 ms"},
		{"one of six may be chance", "ppppfp", Inconclusive, "met in 5 of 6 trials at 2000/s poisson: trials disagree, a verdict needs 6"},
		{"and so may one that meets it", "ffpfff", Inconclusive, "trials disagree"},
		{"one of nine does not change the median's interval", "ppppfpppp", Passed, ""},
		{"nor does one of nine that meets it", "ffffpffff", Failing, "met in 1 of 9"},
		{"two of nine do", "ppppfppfp", Inconclusive, ""},
		{"halves", "pfpfpfpfpf", Inconclusive, ""},
		{"a store that does not keep up is not fast", "ssssss", Failing, "saturated: the queue grew by"},
		{"saturated and slow are both missed", "sfsfsf", Failing, ""},
		{"visits that start late", "dddddd", Failing, "the start delay is 6.00 ms"},
		{"too few operations", "uuuuuu", Inconclusive, "undecided in 6 at 2000/s poisson: too few operations"},
		{"too few operations in one trial of six", "pppupp", Inconclusive, "met in 5 of 6 trials, undecided in 1"},
		{"too few trials, as after an interruption", "ppppp", Inconclusive, "5 trials: a verdict needs 6"},
		{"a failed audit", "pppppv", Violated, "lost update"},
	} {
		c, err := CheckAtRate(AtRate{New: ratedDocument("new", test.trials), Thresholds: goals(t, "p99<5ms")})
		if err != nil {
			t.Fatal(err)
		}
		if c.Verdict != test.want || !strings.Contains(c.Explanation, test.says) {
			t.Errorf("%s: %s: %s: want %s: %s", test.why, c.Verdict, c.Explanation, test.want, test.says)
		}
	}
}

// TestRepeatedFigures: the interval is the one that decides, and there is none where a value is missing or only a bound.
func TestRepeatedFigures(t *testing.T) {
	source := ratedDocument("new", "pppppppp")
	for i := range source.Document.Results[0].Trials {
		ns := int64(i+1) * 1e6
		source.Document.Results[0].Trials[i].LatencyNs.P99 = &ns
	}
	of := func() *Repeated {
		c, err := CheckAtRate(AtRate{New: source, Thresholds: goals(t, "p99<8ms")})
		if err != nil {
			t.Fatal(err)
		}
		return c.Thresholds[0].New
	}
	if got := of(); got.Value == nil || *got.Value != 4.5e6 || got.Lower == nil || *got.Lower != 1e6 || *got.Upper != 8e6 ||
		got.Verdict != Inconclusive || got.Met != 7 || got.Missed != 1 {
		t.Errorf("figures %+v", got)
	}
	trials := source.Document.Results[0].Trials
	trials[7].LatencyNs.Censored = &result.Censored{Count: 5, LeastNs: 5e5}
	if got := of(); got.Lower != nil || !got.Trials[7].AtLeast || got.Trials[7].Verdict != Failing {
		t.Errorf("a lower bound beyond the goal: %+v", got)
	}
	trials[0].LatencyNs.Censored = &result.Censored{Count: 5, LeastNs: 5e5}
	if got := of(); got.Trials[0].Verdict != Inconclusive {
		t.Errorf("a lower bound below the goal decides: %+v", got.Trials[0])
	}
	trials[3].LatencyNs.P99 = nil
	if got := of(); got.Value != nil || got.Lower != nil {
		t.Errorf("without the value of a trial: %+v", got)
	}
}

// TestCheckAtRateAgainst: the older build is judged, too, and does not decide.
func TestCheckAtRateAgainst(t *testing.T) {
	for _, test := range []struct {
		why, old, fresh string
		want, before    Verdict
		says            string
	}{
		{"both meet it", "pppppp", "pppppp", Passed, Passed, "1 goal: all met"},
		{"a regression", "pppppp", "ffffff", Failing, Passed, "; the older build meets the goal (met in 6 of 6 trials)"},
		{"nothing new", "ssssss", "ffffff", Failing, Failing, "; the older build already failed before (met in 0 of 6 trials)"},
		{"repaired", "ffffff", "pppppp", Passed, Failing, ""},
		{"the older build is undecided", "pfpfpf", "pppppp", Passed, Inconclusive, ""},
		{"the older build fails its audit", "vvvvvv", "pppppp", Passed, Violated, ""},
	} {
		c, err := CheckAtRate(AtRate{Old: ratedDocument("old", test.old), New: ratedDocument("new", test.fresh), Thresholds: goals(t, "p99<5ms")})
		if err != nil {
			t.Fatalf("%s: %v", test.why, err)
		}
		if got := c.Thresholds[0].Old.Verdict; c.Verdict != test.want || got != test.before || !strings.Contains(c.Explanation, test.says) {
			t.Errorf("%s: %s, before %s: %s", test.why, c.Verdict, got, c.Explanation)
		}
	}
	other := ratedDocument("old", "pppppp")
	other.Document.Results[0].TapeHash = "of another rate"
	_, err := CheckAtRate(AtRate{Old: other, New: ratedDocument("new", "pppppp"), Thresholds: goals(t, "p99<5ms")})
	if apart := (*NotComparableError)(nil); !errors.As(err, &apart) {
		t.Errorf("another rate: %v", err)
	}
}

func TestGoalOf(t *testing.T) {
	for text, want := range map[string]string{
		"p99<5ms": "", "sharded.append.p99<5ms": "", "achieved>99%": "", "ops_per_sec>5": "follows from the rate", "p99<2x global": "a factor",
		"p99>5ms": "not met at low rates",
	} {
		if _, err := GoalOf(goals(t, text)[0]); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
