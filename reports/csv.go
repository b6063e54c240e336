package reports

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

var _ = register(Format{
	Name:      "csv",
	Extension: ".csv",
	Doc:       "one row per trial, for spreadsheets and data frames",
	Write:     writeCSV,
})

// field is one column of the CSV. Names, units and order are stable; new columns are added at the end.
type field struct {
	name string
	get  func(d *result.Document, r *result.Result, t *result.Trial) string
}

var fields = []field{
	{"document_id", func(d *result.Document, _ *result.Result, _ *result.Trial) string { return d.ID }},
	{"created", func(d *result.Document, _ *result.Result, _ *result.Trial) string {
		return d.Created.UTC().Format(time.RFC3339)
	}},
	ofResult("scenario", func(r *result.Result) string { return r.Scenario }),
	ofResult("strategy", func(r *result.Result) string { return r.Strategy }),
	ofResult("target", func(r *result.Result) string { return r.Target }),
	ofResult("params", func(r *result.Result) string { return result.FormatPairs(r.Params) }),
	ofResult("baseline", func(r *result.Result) string { return strconv.FormatBool(r.Baseline) }),
	ofResult("users", func(r *result.Result) string { return strconv.Itoa(r.Users) }),
	ofResult("sessions", func(r *result.Result) string { return strconv.Itoa(r.Sessions) }),
	ofResult("hold_ns", func(r *result.Result) string { return whole(r.HoldNs) }),
	ofResult("think_ns", func(r *result.Result) string { return whole(r.ThinkNs) }),
	ofResult("tape_hash", func(r *result.Result) string { return r.TapeHash }),
	ofResult("limit_ops_per_sec", func(r *result.Result) string { return decimal(r.LimitOpsPerSec) }),
	ofTrial("order", func(t *result.Trial) string { return strconv.Itoa(t.Order) }),
	ofTrial("block", func(t *result.Trial) string { return strconv.Itoa(t.Block) }),
	ofTrial("ops", func(t *result.Trial) string { return whole(t.Ops) }),
	ofTrial("visits", func(t *result.Trial) string { return whole(t.Visits) }),
	ofTrial("errors", func(t *result.Trial) string { return result.FormatPairs(t.Errors) }),
	ofTrial("elapsed_ns", func(t *result.Trial) string { return whole(t.ElapsedNs) }),
	speed("ops_per_sec", func(t *result.Trial) string { return decimal(t.OpsPerSec) }),
	speed("latency_p50_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P50) }),
	speed("latency_p90_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P90) }),
	speed("latency_p99_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P99) }),
	speed("latency_p99_9_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P999) }),
	speed("latency_p99_99_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P9999) }),
	speed("latency_max_ns", func(t *result.Trial) string { return whole(t.LatencyNs.Max) }),
	speed("latency_mean_ns", func(t *result.Trial) string { return whole(t.LatencyNs.Mean) }),
	ofTrial("latency_count", func(t *result.Trial) string { return whole(t.LatencyNs.Count) }),
	speed("cpu_ns_per_op", func(t *result.Trial) string { return decimal(t.CPUNsPerOp) }),
	speed("allocs_per_op", func(t *result.Trial) string { return decimal(t.AllocsPerOp) }),
	speed("bytes_per_op", func(t *result.Trial) string { return decimal(t.BytesPerOp) }),
	speed("bytes_per_session", func(t *result.Trial) string { return decimal(t.BytesPerSession) }),
	speed("mean_hold_ns", func(t *result.Trial) string { return whole(t.HoldNs) }),
	speed("mean_wait_ns", func(t *result.Trial) string { return whole(t.WaitNs) }),
	speed("mean_think_ns", func(t *result.Trial) string { return whole(t.ThinkNs) }),
	speed("mutex_wait_ns", func(t *result.Trial) string { return optional(t.MutexWaitNs) }),
	speed("gc_pause_ns", func(t *result.Trial) string { return whole(t.GCPauseNs) }),
	ofTrial("goroutines_max", func(t *result.Trial) string { return strconv.Itoa(t.GoroutinesMax) }),
	speed("fairness_jain", func(t *result.Trial) string { return decimal(t.Fairness.Jain) }),
	speed("fairness_min_over_max", func(t *result.Trial) string { return decimal(t.Fairness.MinOverMax) }),
	ofTrial("audit", func(t *result.Trial) string { return auditWord(t) }),
	ofTrial("violation", func(t *result.Trial) string {
		if len(t.Audit.Violations) == 0 {
			return ""
		}
		return describe(t.Audit.Violations[0])
	}),
	speed("target_cpu_ns_per_op", func(t *result.Trial) string { return decimal(t.TargetCPUNs) }),
	speed("target_memory_bytes", func(t *result.Trial) string { return whole(t.TargetMemory) }),
	ofResult("note", func(r *result.Result) string { return r.Note }),
	speed("latency_p95_ns", func(t *result.Trial) string { return optional(t.LatencyNs.P95) }),
	speed("hold_p50_ns", func(t *result.Trial) string { return median(t.HoldTimes) }),
	speed("think_p50_ns", func(t *result.Trial) string { return median(t.ThinkTimes) }),
	speed("wait_cpu_ns_per_op", waitCPU),
}

func ofResult(name string, get func(*result.Result) string) field {
	return field{name, func(_ *result.Document, r *result.Result, _ *result.Trial) string { return get(r) }}
}

func ofTrial(name string, get func(*result.Trial) string) field {
	return field{name, func(_ *result.Document, _ *result.Result, t *result.Trial) string { return get(t) }}
}

// speed is a value that a trial has only if its audit did not fail. Otherwise it is empty, so
// that it is not averaged by accident.
func speed(name string, get func(*result.Trial) string) field {
	return ofTrial(name, func(t *result.Trial) string {
		if t.Failed() {
			return ""
		}
		return get(t)
	})
}

func writeCSV(w io.Writer, d *result.Document, _ Options) error {
	rows := [][]string{make([]string, len(fields))}
	for i, f := range fields {
		rows[0][i] = f.name
	}
	for _, r := range judge.ResultsOf(d) {
		for j := range r.Trials {
			row := make([]string, len(fields))
			for k, f := range fields {
				row[k] = f.get(d, r, &r.Trials[j])
			}
			rows = append(rows, row)
		}
	}
	return writeRows(w, rows)
}

// writeRows writes CSV; the first row has the names of the columns.
func writeRows(w io.Writer, rows [][]string) error { return csv.NewWriter(w).WriteAll(rows) }

func auditWord(t *result.Trial) string {
	switch {
	case t.Audit.Undecided != "":
		return "undecided"
	case t.Audit.Skipped:
		return "skipped"
	case !t.Audit.OK:
		return "failed"
	case t.Audit.Partial != "":
		return "partial"
	}
	return "ok"
}

func whole(n int64) string { return strconv.FormatInt(n, 10) }

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// waitCPU is empty if users do not wait in this process.
func waitCPU(t *result.Trial) string {
	if t.Waiting == nil {
		return ""
	}
	return decimal(t.WaitCPUNsPerOp)
}

// median is empty for waits that were not measured.
func median(l *result.Latency) string {
	if l == nil {
		return ""
	}
	return optional(l.P50)
}

// optional is empty for a missing value.
func optional(n *int64) string {
	if n == nil {
		return ""
	}
	return whole(*n)
}

// known is empty for a missing value.
func known(x *float64) string {
	if x == nil {
		return ""
	}
	return decimal(*x)
}
