package judge

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

// Series are added where all parts have the same intervals.
func TestMergeSeries(t *testing.T) {
	p50 := int64(5)
	of := func(interval int64, points ...result.Point) *result.Trial {
		return &result.Trial{Series: &result.Series{IntervalNs: interval, Points: points}}
	}
	one := result.Point{Ops: 1, Errors: 2, Queue: 3, Open: 4, Latencies: 5, P50: &p50, P99: &p50, Max: 6, Censored: 7, GCPauseNs: 8, Sweeps: 9}
	twice := result.Point{Ops: 2, Errors: 4, Queue: 6, Open: 8, Latencies: 10, Max: 6, Censored: 14, GCPauseNs: 16, Sweeps: 18}
	alone := one
	alone.P50, alone.P99 = nil, nil
	for _, c := range []struct {
		name   string
		trials []*result.Trial
		want   *result.Series
	}{
		{"of different lengths", []*result.Trial{of(10, one), of(10, one, one)}, of(10, twice, alone).Series},
		{"other intervals", []*result.Trial{of(10, one), of(20, one)}, nil},
		{"a part without", []*result.Trial{of(10, one), {}}, nil},
	} {
		if diff := cmp.Diff(c.want, (&merger{trials: c.trials}).series()); diff != "" {
			t.Errorf("%s: - wanted, + merged:\n%s", c.name, diff)
		}
	}
}
