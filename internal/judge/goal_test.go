package judge

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// goalTrial is a trial at a rate, with these times of all operations, of appends and of starts; 0: too few for the percentile.
func goalTrial(all, appends, starts int64) *result.Trial {
	latency := func(ns int64) result.Latency {
		l := result.Latency{Max: ns, Mean: ns, Count: 100}
		if ns > 0 {
			l.P99 = &ns
		}
		return l
	}
	return &result.Trial{
		LatencyNs: latency(all), Operations: map[string]result.Operation{"append": {Count: 100, LatencyNs: latency(appends)}},
		OpenLoop: &result.OpenLoop{Achieved: 0.98, Offered: 1, StartNs: latency(starts)}, Audit: result.Audit{OK: true},
	}
}

func TestGoal(t *testing.T) {
	censored := goalTrial(1e6, 1e6, 1e6)
	censored.LatencyNs.Censored = &result.Censored{Count: 5, LeastNs: 5e5}
	lateStarts := goalTrial(1e6, 1e6, 1e6)
	lateStarts.OpenLoop.StartNs.Censored = &result.Censored{Count: 5, LeastNs: 5e5}
	for _, of := range []struct {
		goal  string
		trial *result.Trial
		want  Verdict
		why   string
	}{
		{"sustained", goalTrial(1e9, 1e9, 1e9), Passed, ""},
		{"p99<5ms", goalTrial(4e6, 9e6, 1e6), Passed, ""},
		{"p99<5ms", goalTrial(6e6, 1e6, 1e6), Failing, "p99 is 6.00 ms"},
		{"append.p99<5ms", goalTrial(9e6, 4e6, 1e6), Passed, ""},
		{"append.p99<5ms", goalTrial(4e6, 9e6, 1e6), Failing, "append p99 is 9.00 ms"},
		{"append.p99<5ms", goalTrial(4e6, 4e6, 6e6), Failing, "the start delay is 6.00 ms"},
		{"append.p99<5ms", goalTrial(4e6, 0, 1e6), Inconclusive, "too few operations"},
		{"append.p99<5ms", goalTrial(4e6, 4e6, 0), Inconclusive, "too few visits"},
		{"mean<5ms", goalTrial(4e6, 4e6, 6e6), Failing, "the start delay is 6.00 ms"},
		{"p99<5ms", censored, Inconclusive, "lower bound"},
		{"p99<500us", censored, Failing, "p99 is 1.00 ms"},
		{"p99<5ms", lateStarts, Inconclusive, "lower bound"},
		{"achieved>99%", goalTrial(1e6, 1e6, 1e9), Failing, "achieved is 98%"},
		{"achieved>97%", goalTrial(1e6, 1e6, 1e9), Passed, ""},
	} {
		g, err := ParseGoal(of.goal)
		if err != nil {
			t.Fatal(err)
		}
		r := &result.Result{Strategy: "global", Scenario: "chatbot"}
		if v, why := g.Judge(r, of.trial); v != of.want || !strings.Contains(why, of.why) {
			t.Errorf("%s: %s (%s), want %s (%s)", of.goal, v, why, of.want, of.why)
		}
	}
}

// A percentile is known by its name, whatever it is of.
func TestGoalPercentile(t *testing.T) {
	for goal, want := range map[string]float64{"p99_9<5ms": 99.9, "append.service.p50<5ms": 50, "visit.p99<1s": 99, "max<1s": 0, "sustained": 0} {
		g, err := ParseGoal(goal)
		if err != nil {
			t.Fatal(err)
		}
		p := g.Percentile()
		if p == nil && want != 0 || p != nil && p.Percent != want {
			t.Errorf("%s: %+v, want %v", goal, p, want)
		}
	}
}

// Only a goal about the p99 of all operations is a line in a figure of that p99.
func TestP99Bound(t *testing.T) {
	for text, want := range map[string]float64{
		"p99<5ms": 5e6, "response.p99 <= 1ms": 1e6,
		"append.p99<5ms": 0, "p99_9<5ms": 0, "service.p99<5ms": 0, "start.p99<5ms": 0, "achieved>99%": 0, "sustained": 0, "max<1s": 0,
	} {
		g, err := ParseGoal(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := g.P99Bound(); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
