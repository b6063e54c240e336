package reports

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "benchmark-action",
	Extension: ".bench.json",
	Doc:       "points for github-action-benchmark, tool: customSmallerIsBetter",
	Write:     writeBenchmarkAction,
})

// actionPoint is one value of one commit in a chart of github-action-benchmark.
type actionPoint struct {
	Name  string  `json:"name"`            // of the series: it must stay the same from commit to commit, and so must the unit
	Unit  string  `json:"unit"`            // times in ns, sizes in B
	Value float64 `json:"value"`           // median over the trials
	Range string  `json:"range,omitempty"` // ± half-width of the median's interval; none with too few trials for one
	Extra string  `json:"extra"`           // shown with the point
}

// writeBenchmarkAction writes the JSON that
// https://github.com/benchmark-action/github-action-benchmark reads with tool:
// customSmallerIsBetter: one point per metric, named scenario/strategy: metric.
//
// A missing value has no point: a result with a failed audit, or a percentile that one trial
// has too few samples for. The action compares a point with the last one of the same name, so a
// missing point is not taken for a change.
func writeBenchmarkAction(w io.Writer, d *result.Document, _ Options) error {
	points := []actionPoint{}
	for i := range d.Results {
		if r := &d.Results[i]; !r.Failed() {
			points = append(points, actionPoints(r, &d.Tool)...)
		}
	}
	return result.EncodeJSON(w, points)
}

func actionPoints(r *result.Result, tool *result.Tool) (list []actionPoint) {
	// For all charts less is better, because a file has one direction: ops/s is therefore written as time per operation.
	for _, m := range append([]*metric.Metric{metric.TimePerOp}, metric.All()...) {
		xs := m.Sample(r)
		if m.Chart == "" || len(xs) == 0 {
			continue
		}
		s := stats.Describe(xs)
		list = append(list, actionPoint{
			Name:  fmt.Sprintf("%s/%s: %s", sheet.Clean(r.Scenario), sheet.Clean(r.Strategy), m.Chart),
			Unit:  m.Unit,
			Value: s.Center,
			Range: plusMinus(max(s.Hi-s.Center, s.Center-s.Lo)),
			Extra: actionExtra(r, tool),
		})
	}
	return list
}

// plusMinus writes the half-width of an interval with three significant digits, and nothing if
// it is infinite.
func plusMinus(half float64) string {
	if math.IsInf(half, 0) {
		return ""
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(half, 'g', 3, 64), 64) // cannot fail: FormatFloat wrote it
	return "± " + decimal(short)
}

// actionExtra describes what a point was measured with, one item per line.
func actionExtra(r *result.Result, tool *result.Tool) string {
	hold := "hold: " + time.Duration(r.HoldNs).String()
	if r.HoldNs > 0 && r.HoldKind != "" {
		hold += " (" + r.HoldKind + ")"
	}
	version := "sessbench " + tool.Version
	if tool.Commit != "" {
		version += " (" + judge.ShortHash(tool.Commit) + ")"
	}
	lines := []string{fmt.Sprintf("trials: %d", len(r.Trials)), fmt.Sprintf("users: %d", r.Users), hold, version}
	return strings.Join(lines, "\n")
}
