package metric

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

// Every metric of an open loop reads its own field, and a trial of a closed loop has none of them.
func TestReadsOpenLoop(t *testing.T) {
	latency := func(first int64) result.Latency {
		return result.Latency{P50: ns(first), P90: ns(first + 1), P95: ns(first + 2), P99: ns(first + 3), P999: ns(first + 4), P9999: ns(first + 5),
			Count: 100, Censored: &result.Censored{Count: 2, LeastNs: first + 4}}
	}
	service := latency(60)
	open := result.Trial{Visits: 5, ElapsedNs: 2e9, LatencyNs: latency(10),
		OpenLoop:   &result.OpenLoop{Achieved: 0.9, Offered: 1, ServiceNs: latency(20), VisitNs: latency(30), StartNs: latency(40)},
		Operations: map[string]result.Operation{"append": {Count: 10, LatencyNs: latency(50), ServiceNs: &service}}}
	closed := result.Trial{LatencyNs: latency(1)}
	var got []string
	for _, m := range All() {
		if _, missing := m.Of(&result.Result{}, &closed, ""); m.Open && missing != "a closed loop" {
			t.Errorf("%s of a closed loop: %q", m.Short(), missing)
		}
		if !m.Open || m.CSV == "" && m.OfOp == nil {
			continue
		}
		x, missing := m.Of(&result.Result{Search: &result.Search{Lower: 71, Upper: 72}}, &open, "")
		line := fmt.Sprint(m.Short(), " ", x, missing)
		if m.OfOp != nil {
			of, missing := m.Of(&result.Result{}, &open, "append")
			line += fmt.Sprint(" ", of, missing, " ", m.Bound(&open, "", x), " ", m.Bound(&open, "append", of))
		}
		got = append(got, line)
	}
	want := []string{
		"achieved 0.9", "visits_per_sec 2.5",
		"response.p50 10 50 false false", "response.p90 11 51 false false", "response.p95 12 52 false false", "response.p99 13 53 false false",
		"response.p99_9 14 54 true true", "response.p99_99 15 55 true true",
		"service.p50 20 60 false false", "service.p90 21 61 false false", "service.p95 22 62 false false", "service.p99 23 63 false false",
		"service.p99_9 24 64 true true", "service.p99_99 25 65 true true",
		"visit.p99 33", "start.p99 43", "highest_rate 71", "failing_rate 72",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
