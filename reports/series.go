package reports

import (
	"strconv"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "series",
	Extension: ".series.csv",
	Doc:       "the trials over time: one row per interval, as CSV",
	Write:     asCSV(seriesRows),
})

// seriesColumns are the columns of the time series. Those of an open loop, or of a ramp, alone are empty in others.
var seriesColumns = []string{
	"document_id", "scenario", "strategy", "order", "block", "start_s", "interval_s",
	"ops", "errors", "users", "queue_max_visits", "open_max_visits",
	"latencies", "latency_p50_ns", "latency_p99_ns", "latency_max_ns", "censored", "gc_pause_ns", "sweeps",
}

// seriesRows returns the time series of a result. A trial that failed its audit has no speed, and no rows.
func seriesRows(d *result.Document) [][]string {
	rows := [][]string{seriesColumns}
	for _, r := range judge.ResultsOf(d) {
		for i := range r.Trials {
			t := &r.Trials[i]
			if t.Series == nil || t.Failed() {
				continue
			}
			seconds := float64(t.Series.IntervalNs) / 1e9
			for k, p := range t.Series.Points {
				users, queue, open, largest := "", "", "", ""
				if r.Ramp != "" {
					users = decimal(p.Users)
				}
				if o := t.OpenLoop; o != nil && o.Users > 0 { // of recorded traffic they are not known
					queue, open = whole(p.Queue), whole(p.Open)
				}
				if p.Latencies > 0 {
					largest = whole(p.Max)
				}
				rows = append(rows, []string{
					d.ID, r.Scenario, r.Strategy, strconv.Itoa(t.Order), strconv.Itoa(t.Block),
					decimal(float64(int64(k)*t.Series.IntervalNs) / 1e9), decimal(seconds),
					whole(p.Ops), whole(p.Errors), users, queue, open,
					whole(p.Latencies), optional(p.P50), optional(p.P99), largest, whole(p.Censored), whole(p.GCPauseNs), whole(p.Sweeps),
				})
			}
		}
	}
	return rows
}
