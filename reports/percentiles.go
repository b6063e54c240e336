package reports

import (
	"slices"
	"strings"

	"github.com/sessbench/sessbench/reports/result"
)

// shownPercentiles are the percentiles of which tables have a column, by their names in the document.
func shownPercentiles() []string { return []string{"p50", "p95", "p99", "p99_9"} }

// percentileColumn is the table's column of a percentile. See [column] for spare.
func (s *section) percentileColumn(name string, spare int) column {
	all := result.Percentiles()
	p := all[slices.IndexFunc(all, func(p result.Percentile) bool { return p.Name == name })]
	return column{title: s.latencyTitle(name), spare: spare, get: speedOnly(func(r *result.Result) cell {
		return cell{figure: result.FormatPercentile(percentileOf(r, p))}
	})}
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

// percentileOf is a percentile of a result, nil where there are too few samples. Summaries of earlier versions have no p95,
// but reading them completes their trials.
func percentileOf(r *result.Result, p result.Percentile) *int64 {
	if v := *p.In(&r.Summary.LatencyNs); v != nil || p.Name != "p95" {
		return v
	}
	return medianLatency(r).P95
}
