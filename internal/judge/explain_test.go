package judge

import (
	"strings"
	"testing"

	"github.com/sessbench/sessbench/internal/explain"
	"github.com/sessbench/sessbench/reports/result"
)

// explainedRow returns a row whose operations spend their time on these parts.
func explainedRow(shares map[explain.Part]float64) *result.Result {
	parts := result.Parts{Count: 1000, MeanNs: 1e6, Shares: map[string]float64{}}
	for p, share := range shares {
		parts.Shares[p.String()] = share
	}
	return &result.Result{
		Strategy: "cow", Workload: result.Workload{Users: 100, HoldNs: 1e6},
		Explanation: &result.Explanation{
			Operations: 1000, Every: 1, All: parts, Hooks: true, Each: map[string]result.Parts{"append": parts, "history": {Count: 2000, MeanNs: 100}},
			IdealLockWait: map[string]float64{"append": 0.013, "history": 0.9},
		},
		Trials: []result.Trial{{Usage: result.Usage{BytesPerOp: 1229}}},
	}
}

func TestReasons(t *testing.T) {
	for _, row := range []struct {
		name   string
		shares map[explain.Part]float64
		change func(r *result.Result)
		want   string // empty: no reason
		main   string
	}{
		{"a global lock", map[explain.Part]float64{explain.LockWait: 0.87, explain.Closure: 0.13}, nil,
			"87 % of the time of an append is waiting for a lock; with one lock per session it would be 1.3 %.", "lock wait 87 %"},
		{"a lock whose holders lose their CPU", map[explain.Part]float64{explain.LockWait: 0.6, explain.CPU: 0.09, explain.Closure: 0.31}, nil,
			"60 % of the time of an append is waiting for a lock (whose holder may have lost its CPU); with one lock per session", "lock wait 60 %"},
		{"a hot session", map[explain.Part]float64{explain.LockWait: 0.5, explain.Closure: 0.5}, func(r *result.Result) {
			r.Explanation.IdealLockWait["append"] = 0.5
			r.Trials = []result.Trial{{Locks: result.Locks{UpdateFraction: 1, BusiestFraction: 0.4, HoldNs: 1.1e6}}}
		}, "50 % of the time of an append is waiting for a lock; one session receives 40 % of the updates, so no lock per session can exceed about 2.50k operations per second", "lock wait 50 %"},
		{"no hold", map[explain.Part]float64{explain.LockWait: 0.2, explain.CPU: 0.8}, func(r *result.Result) { r.HoldNs = 0 },
			"20 % of the time of an append is waiting for a lock (whose holder may have lost its CPU). 80 %", "waiting for a CPU 80 %"},
		{"garbage", map[explain.Part]float64{explain.GC: 0.31, explain.Closure: 0.69}, nil,
			"31 % of the time of an append is garbage collection: cow allocates 1.20 KiB per operation.", "garbage collection 31 %"},
		{"few processors", map[explain.Part]float64{explain.CPU: 0.98, explain.Closure: 0.02}, nil, "waiting for a CPU: 100 users share 2 processors.", "waiting for a CPU 98 %"},
		{"a target", map[explain.Part]float64{explain.Answer: 0.9, explain.Client: 0.1}, nil, "waiting for the target", "waiting for the target 90 %"},

		{"nothing but work", map[explain.Part]float64{explain.Closure: 0.91, explain.Index: 0.03, explain.LockWait: 0.06}, nil, "", ""},
		{"nothing but the store's own code", map[explain.Part]float64{explain.Index: 0.7, explain.Closure: 0.3}, nil, "", ""},
		{"too much unexplained", map[explain.Part]float64{explain.LockWait: 0.9, explain.Unexplained: 0.06}, nil, "", ""},
		{"few operations", map[explain.Part]float64{explain.LockWait: 0.9}, func(r *result.Result) { r.Explanation.Operations = 29 }, "", ""},
		{"users that are made as they are needed", map[explain.Part]float64{explain.CPU: 0.5}, func(r *result.Result) { r.Load = "rate=500/s" },
			"the operations in progress share 2 processors.", "waiting for a CPU 50 %"},
		{"garbage of the client of a target", map[explain.Part]float64{explain.GC: 0.3}, func(r *result.Result) { r.Target = "x" }, "", "garbage collection 30 %"},
		{"a row that shows the harness", map[explain.Part]float64{explain.LockWait: 0.9}, func(r *result.Result) { r.Summary.HarnessBound, r.Trials[0].Ops, r.Trials[0].Audit.OK = true, 1, true }, "", ""},
		{"an open loop whose pass is slower", map[explain.Part]float64{explain.LockWait: 0.9}, func(r *result.Result) {
			r.Load, r.Trials = "rate=500/s", []result.Trial{{OpenLoop: &result.OpenLoop{ServiceNs: result.Latency{Mean: 5e5}}}}
		}, "", ""},
		{"a pass that changes what it observes", map[explain.Part]float64{explain.LockWait: 0.9},
			func(r *result.Result) { r.Explanation.OpsPerSec, r.Summary.OpsPerSec.Median = 600, 1000 }, "", ""},
	} {
		r := explainedRow(row.shares)
		if row.change != nil {
			row.change(r)
		}
		got := strings.Join(Reasons(r, &result.Machine{GOMAXPROCS: 2}), " ")
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
		if main := MainReason(r); main != row.main {
			t.Errorf("%s: main reason %q, want %q", row.name, main, row.main)
		}
	}
}

// Where there are no more users than processors, it is not the users that wait for each other.
func TestProcessorsShared(t *testing.T) {
	machine := &result.Machine{GOMAXPROCS: 2}
	for users, want := range map[int]string{
		1: "1 user and 2 processors, which other goroutines or other processes use, too",
		2: "2 users and 2 processors, which other goroutines or other processes use, too",
		3: "3 users share 2 processors",
	} {
		var r result.Result
		r.Users = users
		if got := processorsShared(&r, machine); got != want {
			t.Errorf("%d users: %q, want %q", users, got, want)
		}
	}
}
