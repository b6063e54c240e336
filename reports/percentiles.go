package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
)

// shownPercentiles are the percentiles of which tables have a column, by their names in the document.
func shownPercentiles() []string { return []string{"p50", "p95", "p99", "p99_9"} }

// percentileCell returns the cell of a percentile, named as in the document.
func percentileCell(name string) func(r *result.Result) sheet.Cell {
	all := result.Percentiles()
	p := all[slices.IndexFunc(all, func(p result.Percentile) bool { return p.Name == name })]
	return func(r *result.Result) sheet.Cell {
		return sheet.Cell{Text: result.FormatPercentile(judge.Percentile(r, p))}
	}
}

// latencyTitle is the title of a percentile's or the maximum's column, with a sign where it is pooled.
func (s *section) latencyTitle(name string) string {
	title := percentileTitle(name)
	if s.pools(name) {
		title += " " + poolSign
	}
	return title
}

// percentileTitle is the title of a percentile's column: p99.9 for p99_9.
func percentileTitle(name string) string { return strings.ReplaceAll(name, "_", ".") }

// poolSign marks the titles of columns with pooled percentiles.
const poolSign = "∑"

// pools reports whether the section's column of a percentile or of the maximum (names as in the
// document) is pooled.
func (s *section) pools(name string) bool {
	return slices.ContainsFunc(s.results, func(r *result.Result) bool { _, ok := r.Summary.Pooled[name]; return ok })
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
	for _, p := range result.Percentiles() {
		if !slices.Contains(shownPercentiles(), p.Name) || judge.Percentile(r, p) != nil {
			continue
		}
		// A tenth more than in proportion: no two runs have the same number of operations.
		window := 1.1 * float64(r.WindowNs) * float64(p.Samples()) / float64(judge.LatencyCount(r))
		suffices := ""
		if lacking == nil {
			suffices = " would suffice"
		}
		lacking = append(lacking, fmt.Sprintf("%s (-d %s%s)", percentileTitle(p.Name), roundUp(time.Duration(math.Ceil(window))), suffices))
	}
	if lacking == nil {
		return ""
	}
	return fmt.Sprintf("%s completed too few operations in all trials together for %s.", r.Strategy, sheet.And(lacking))
}
