package reports

import (
	"slices"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
)

// field is one column of the CSV.
type field struct {
	name string
	get  func(d *result.Document, r *result.Result, t *result.Trial) string
}

// columns returns the columns in the order in which they were added. Names, units and order are stable; new columns are added at
// the end, those of new metrics by themselves.
func columns() []field {
	list := slices.Clone(firstColumns)
	for _, m := range metric.All() {
		if m.CSV != "" && !slices.ContainsFunc(list, func(f field) bool { return f.name == m.CSV }) {
			list = append(list, ofMetric(m.CSV))
		}
	}
	return list
}

var firstColumns = slices.Concat([]field{
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
}, requestedDelays(), []field{
	ofResult("tape_hash", func(r *result.Result) string { return r.TapeHash }),
	ofResult("limit_ops_per_sec", func(r *result.Result) string { return decimal(r.LimitOpsPerSec) }),
	ofTrial("order", func(t *result.Trial) string { return strconv.Itoa(t.Order) }),
	ofTrial("block", func(t *result.Trial) string { return strconv.Itoa(t.Block) }),
	ofTrial("ops", func(t *result.Trial) string { return whole(t.Ops) }),
	ofTrial("visits", func(t *result.Trial) string { return whole(t.Visits) }),
	ofTrial("errors", func(t *result.Trial) string { return result.FormatPairs(t.Errors) }),
	ofTrial("elapsed_ns", func(t *result.Trial) string { return whole(t.ElapsedNs) }),
	ofMetric("ops_per_sec"),
	ofMetric("latency_p50_ns"),
	ofMetric("latency_p90_ns"),
	ofMetric("latency_p99_ns"),
	ofMetric("latency_p99_9_ns"),
	ofMetric("latency_p99_99_ns"),
	ofMetric("latency_max_ns"),
	ofMetric("latency_mean_ns"),
	ofTrial("latency_count", func(t *result.Trial) string { return whole(t.LatencyNs.Count) }),
	ofMetric("cpu_ns_per_op"),
	ofMetric("allocs_per_op"),
	ofMetric("bytes_per_op"),
	ofMetric("bytes_per_session"),
}, meanDelays(), []field{
	speed("mutex_wait_ns", func(t *result.Trial) string { return optional(t.MutexWaitNs) }),
	ofMetric("gc_pause_ns"),
	ofTrial("goroutines_max", func(t *result.Trial) string { return whole(int64(t.Totals["goroutines_max"])) }),
	ofMetric("fairness_jain"),
	speed("fairness_min_over_max", func(t *result.Trial) string { return decimal(t.Fairness.MinOverMax) }),
	ofTrial("audit", func(t *result.Trial) string { return auditWord(t) }),
	ofTrial("violation", func(t *result.Trial) string {
		if len(t.Audit.Violations) == 0 {
			return ""
		}
		return describe(t.Audit.Violations[0])
	}),
	speed("target_cpu_ns_per_op", func(t *result.Trial) string { return decimal(t.Usage.TargetCPUNs) }),
	speed("target_memory_bytes", func(t *result.Trial) string { return whole(t.Usage.TargetMemory) }),
	ofResult("note", func(r *result.Result) string { return r.Note }),
	ofMetric("latency_p95_ns"),
}, medianDelays(), []field{
	speed("wait_cpu_ns_per_op", waitCPU),
})

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

func requestedDelays() (list []field) {
	for _, d := range judge.Delays() {
		list = append(list, ofResult(d.Name+"_ns", func(r *result.Result) string { return whole(d.Requested(r)) }))
	}
	return list
}

// meanDelays are the columns of the mean delays. The wait for a lock follows the hold that it is for.
func meanDelays() (list []field) {
	for i, d := range judge.Delays() {
		list = append(list, speed("mean_"+d.Name+"_ns", func(t *result.Trial) string {
			mean, _ := d.Mean(t)
			return whole(*mean)
		}))
		if i == 0 {
			list = append(list, speed("mean_wait_ns", func(t *result.Trial) string { return whole(t.Locks.WaitNs) }))
		}
	}
	return list
}

// medianDelays are the columns of the median delays, empty where these were not measured.
func medianDelays() (list []field) {
	for _, d := range judge.Delays() {
		list = append(list, speed(d.Name+"_p50_ns", func(t *result.Trial) string {
			if l := d.Times(t); l != nil {
				return optional(l.P50)
			}
			return ""
		}))
	}
	return list
}

// ofMetric is the column of a metric. A percentile with too few samples and what only an open loop has are empty, other values
// that a trial lacks are 0.
func ofMetric(column string) field {
	all := metric.All()
	m := all[slices.IndexFunc(all, func(m *metric.Metric) bool { return m.CSV == column })]
	return field{column, func(_ *result.Document, r *result.Result, t *result.Trial) string {
		x, ok := m.Read(r, t)
		if t.Failed() || !ok && (m.Percentile != nil || m.Open) {
			return ""
		}
		return decimal(x)
	}}
}

// trialRows returns the CSV of a result.
func trialRows(d *result.Document) [][]string {
	fields := columns()
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
	return rows
}

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
	return decimal(t.Usage.WaitCPUNsPerOp)
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
