package reports

import (
	"fmt"
	"math"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// poolSign marks the titles of columns with pooled percentiles.
const poolSign = "∑"

// pools reports whether the section's column of a metric, a percentile or the maximum, is pooled.
func (s *section) pools(m *metric.Metric) bool {
	return m.Column != nil && s.some(func(r *result.Result) bool { _, ok := r.Summary.Pooled[m.Short()]; return ok })
}

// tooFewSamples states which percentiles the baseline has too few samples for, and which -d
// would suffice for each. Other rows are compared with the baseline. It is "" if none is
// missing, or if a trial does not end with its window.
func (s *section) tooFewSamples() string {
	r := s.baseline
	if r == nil || r.Failed() || len(r.Trials) == 0 || r.WindowNs == 0 || r.Iterations > 0 || judge.LatencyCount(r) == 0 {
		return ""
	}
	var lacking []string
	for _, m := range metric.All() {
		if m.Percentile == nil || m.Column == nil {
			continue
		}
		if _, ok := m.Shown(r); ok {
			continue
		}
		// A tenth more than in proportion: no two runs have the same number of operations.
		window := 1.1 * float64(r.WindowNs) * float64(m.Percentile.Samples()) / float64(judge.LatencyCount(r))
		suffices := ""
		if lacking == nil {
			suffices = " would suffice"
		}
		lacking = append(lacking, fmt.Sprintf("%s (-d %s%s)", m.Column.Title, roundUp(time.Duration(math.Ceil(window))), suffices))
	}
	if lacking == nil {
		return ""
	}
	return fmt.Sprintf("%s completed too few operations in all trials together for %s.", r.Strategy, sheet.And(lacking))
}
