package reports

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/reports/result"
)

// spread is how far six hand-built trials lie from their middle.
var spread = []float64{0.99, 1.02, 1.00, 0.98, 1.01, 1.00}

// build makes a result of n trials around ops operations a second.
func build(strategy string, ops float64, n int) result.Result {
	r := result.Result{
		Strategy: strategy, Scenario: "chatbot", LimitOpsPerSec: 95_000,
		Workload: result.Workload{TapeHash: "sha256:3f2a9c1d77e0", Users: 100, Sessions: 10_000,
			HoldNs: int64(time.Millisecond), HoldKind: "sleep", WindowNs: int64(400 * time.Millisecond)},
	}
	for i := range n {
		f := spread[(i+len(strategy))%len(spread)] // each strategy in a rhythm of its own
		r.Trials = append(r.Trials, result.Trial{
			Order: i, Block: i, Ops: int64(0.4 * f * ops), Visits: int64(0.13 * f * ops), ElapsedNs: 400_000_000, OpsPerSec: f * ops,
			LatencyNs: result.Latency{
				P50: ns(1e11 / ops / f), P90: ns(1.3e11 / ops / f), P95: ns(1.5e11 / ops / f), P99: ns(1.9e11 / ops / f), P999: ns(2.4e11 / ops / f),
				Max: *ns(3.3e11 / ops / f), Mean: *ns(1.02e11 / ops / f), Count: int64(0.4 * f * ops),
			},
			BytesPerSession: 1234, Usage: result.Usage{AllocsPerOp: 0.004, BytesPerOp: 12.5, CPUNsPerOp: 900},
			Locks: result.Locks{HoldNs: 1_070_000}, Totals: map[string]float64{"goroutines_max": 104},
			MutexWaitNs: ns(2e9), Fairness: result.Fairness{Jain: 0.99, MinOverMax: 0.9}, Audit: result.Audit{OK: true},
		})
	}
	return r
}

func ns(x float64) *int64 { n := int64(math.Round(x)); return &n }

// document puts results together, the first one as the baseline.
func document(results ...result.Result) *result.Document {
	results[0].Baseline = true
	return withoutBaseline(results...)
}

func withoutBaseline(results ...result.Result) *result.Document {
	d := &result.Document{
		SchemaVersion: result.SchemaVersion,
		ID:            "5f0c9a52-7d0e-4f35-9f0f-6a1d0d8d7a10",
		Created:       time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Tool:          result.Tool{Version: "v1.0.0", Commit: "0123456789abcdef"},
		Machine: result.Machine{CPU: "AMD EPYC 7763", Cores: 2, GOMAXPROCS: 2, CgroupCPUs: 1.5, OS: "linux", Kernel: "6.8.0", Go: "go1.26.0",
			Load1: 0.42},
		Config: result.Config{Scenarios: []string{"chatbot"}, Baseline: "global", Runs: 6, Settings: map[string]string{"seed": "1", "warmup": "0s"},
			Command: "sessbench run"},
		Harness: result.Harness{NsPerOp: 71.3, OpsPerSec: 14_100_000},
		Results: results,
	}
	judge.Summarize(d)
	return d
}

// shake moves the trials of a result apart from the common rhythm, so that they overlap with others.
func shake(r result.Result) result.Result {
	for i := range r.Trials {
		r.Trials[i].OpsPerSec *= 1 + 0.08*float64(i%3-1)
	}
	return r
}

func normal() *result.Document {
	return document(build("global", 940, 6), build("per-session", 76_100, 6), build("sharded:shards=16", 91_200, 6))
}

// found is the result of searches for the highest rate: two intervals that overlap, one below them, and one without a lower bound.
func found() *result.Document {
	var results []result.Result
	for _, of := range []struct {
		strategy     string
		lower, upper float64
		end          string
	}{{"global", 1480, 1520, "precision"}, {"per-session", 76_100, 91_000, "budget"}, {"sharded", 90_500, 92_200, "precision"}, {"actor", 0, 150, "lowest"}} {
		r := build(of.strategy, max(of.lower, 100), 2)
		r.Search = &result.Search{Goal: "p99<5ms", Lower: of.lower, Upper: of.upper, Precision: 1.03, End: of.end, ElapsedNs: 93e9, Probes: []result.Probe{
			{Rate: of.lower, Verdict: "passes", Trials: []result.ProbeTrial{{Verdict: "passes"}, {Verdict: "passes"}}},
			{Rate: of.upper, Verdict: "fails", Trials: []result.ProbeTrial{{Verdict: "fails", Why: of.strategy + " (chatbot) p99 is 7.10 ms, not below 5.00 ms"}}},
		}}
		r.Load = fmt.Sprintf("%v/s poisson", of.lower)
		for i := range r.Trials {
			r.Trials[i].OpenLoop = &result.OpenLoop{Offered: of.lower, Achieved: 1}
		}
		results = append(results, r)
	}
	return withoutBaseline(results...)
}

func failedAudit() *result.Document {
	broken := build("forgetful", 93_000, 6)
	found := func(v ...result.Violation) result.Audit { return result.Audit{Violations: v} }
	lost := result.Violation{Kind: "lost update", Session: "0b9c1f52-1d9e-4c66-9d5e-2f6f7f1e0a11", Detail: "9 messages were acknowledged, 8 are there"}
	broken.Trials[1].Audit = found(lost, lost,
		result.Violation{Kind: "duplicate number", Session: "c0ffee00-1d9e-4c66-9d5e-2f6f7f1e0a11", Detail: "7 was handed out to users 3 and 81"})
	broken.Trials[4].Audit = found(lost, lost)
	broken.Trials[4].Audit.Omitted = 1200
	return document(build("global", 940, 6), broken, build("sharded", 91_200, 6))
}

func failedBaseline() *result.Document {
	broken := build("global", 940, 6)
	broken.Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: "census", Detail: "3 locks were left\nbehind"}}}
	return document(broken, build("per-session", 76_100, 6), build("sharded", 91_200, 6))
}

func interrupted() *result.Document {
	d := document(build("global", 940, 3), build("per-session", 76_100, 2), build("sharded", 91_200, 3), build("cow", 1, 0))
	d.Interrupted = true
	return d
}

func failedRun() *result.Document {
	d := interrupted()
	d.Failure = "start a process to measure in:\nno such file or directory"
	return d
}

func missingPercentiles() *result.Document {
	slow := build("global", 10, 6)
	for i := range slow.Trials {
		slow.Trials[i].LatencyNs.P99, slow.Trials[i].LatencyNs.P999, slow.Trials[i].MutexWaitNs = nil, nil, nil
	}
	fast := build("per-session", 980, 6)
	fast.Trials[3].LatencyNs.P999 = nil // one short trial takes the percentile from all
	d := document(slow, fast)
	for i := range d.Results {
		d.Results[i].Scenario, d.Results[i].HoldNs, d.Results[i].LimitOpsPerSec = "hundred-users", 1e8, 1000
		d.Results[i].WindowNs, d.Results[i].Iterations = 0, 1
		for j := range d.Results[i].Trials {
			d.Results[i].Trials[j].ElapsedNs = int64(100 / d.Results[i].Trials[j].OpsPerSec * 1e9)
		}
	}
	judge.Summarize(d)
	return d
}

func fewTrials() *result.Document {
	return document(build("global", 940, 5), build("per-session", 76_100, 5))
}

func noBaseline() *result.Document {
	return withoutBaseline(build("per-session", 76_100, 6), build("sharded", 91_200, 6))
}

func twoScenarios() *result.Document {
	var all []result.Result
	for _, r := range []result.Result{build("global", 1_210_000, 6), shake(build("per-session", 1_230_000, 6)), shake(build("cow", 1_190_000, 6))} {
		r.Scenario, r.HoldNs, r.LimitOpsPerSec, r.Baseline = "auth", 0, 1_500_000, r.Strategy == "global"
		r.Summary.SchedulerBound, r.Summary.HarnessBound = true, r.Strategy == "per-session"
		all = append(all, r)
	}
	global := build("global", 940, 6)
	global.Baseline = true
	return withoutBaseline(append([]result.Result{global, build("per-session", 91_000, 6), shake(build("sharded", 91_200, 6))}, all...)...)
}

func awkwardNames() *result.Document {
	d := document(build("global", 940, 6), build("a|b *c* <d> \x1b[1m", 110_000, 6), build("noop", 9_400_000, 6))
	d.Results[1].Trials[0].Errors = map[string]int64{"conflict": 1200, "not_found": 77}
	d.Results[2].LimitOpsPerSec = 0
	for i := range d.Results[2].Trials {
		d.Results[2].Trials[i].Audit = result.Audit{Skipped: true}
	}
	judge.Summarize(d)
	return d
}

func recorded() *result.Document {
	d := normal()
	d.Traffic = &result.Traffic{File: "nasa.tsv.gz", Format: "tsv", Lines: 1_891_715, Malformed: 1, Visits: 1_891_714, Sessions: 81_978,
		SpanNs: int64(27*24*time.Hour + 23*time.Hour), Hash: "sha256:77"}
	d.Config.Settings["trace-speed"] = "max"
	for i := range d.Results {
		d.Results[i].WindowNs = 0
	}
	return d
}

// beyondThisProcess has a program, one that tells too little, and an embedded server.
func beyondThisProcess() *result.Document {
	program, terse, embedded := build("python-per-session", 4_100, 6), build("terse", 3_900, 6), build("redis", 2_100, 6)
	program.Target, terse.Target = "python-per-session", "terse"
	embedded.Note = "embedded: not a speed figure"
	for i := range program.Trials {
		program.Trials[i].Usage.TargetCPUNs, program.Trials[i].Usage.TargetMemory = 181_000, 25<<20
		program.Trials[i].BytesPerSession = 0
		terse.Trials[i].Audit.Partial = "the target tells no incarnations, so that sessions under one id cannot be distinguished"
		embedded.Trials[i].Errors = map[string]int64{"indeterminate": 2, "not_applied": 340}
	}
	d := document(build("global", 940, 6), program, terse, embedded)
	d.Protocol = &result.Harness{NsPerOp: 27_700, OpsPerSec: 61_300, AllocsPerOp: 0.1}
	return d
}

func empty() *result.Document {
	return &result.Document{SchemaVersion: result.SchemaVersion, Interrupted: true}
}

// histogram encodes the latencies that each records.
func histogram(t testing.TB, each func(record func(ns int64))) string {
	h := result.NewHistogram()
	each(func(ns int64) { _ = h.RecordValue(ns) })
	text, err := result.EncodeHistogram(h)
	if err != nil && t != nil {
		t.Fatal(err)
	}
	return text
}

// timeSeries has an open loop, whose store stalls, and a closed one, with histograms and series.
func timeSeries() *result.Document {
	open, closed := build("per-session", 2_000, 2), build("global:x=a/b", 940, 1)
	open.Load = "2000/s"
	for i := range open.Trials {
		t := &open.Trials[i]
		t.Histogram = histogram(nil, func(record func(int64)) {
			for ns := range int64(800) {
				record(ns * ns * 20)
			}
		})
		t.LatencyNs.Count = 800
		l := result.Latency{P50: ns(3e6), P99: ns(12e6), Max: 13e6, Mean: 4e6, Count: 1}
		one := histogram(nil, func(record func(int64)) { record(3e6) })
		t.OpenLoop = &result.OpenLoop{Offered: 2000, Achieved: 1, Queue: 40, Users: 80, StartNs: l, ServiceNs: l, VisitNs: l,
			Start: one, Service: one, Visit: one}
		t.Series = &result.Series{IntervalNs: 1e8, Points: []result.Point{
			{Ops: 200, Latencies: 200, P50: ns(3e5), Max: 4e5},
			{Ops: 3, Errors: 1, Queue: 40, Open: 120, Latencies: 3, Max: 2e5, GCPauseNs: 80_000},
			{Ops: 397, Queue: 38, Open: 118, Latencies: 397, P50: ns(5e6), Max: 13e6, Sweeps: 1},
			{},
			{Latencies: 200, P50: ns(3e6), Max: 12e6, Censored: 2},
		}}
	}
	t := &closed.Trials[0]
	t.Histogram = open.Trials[0].Histogram
	t.Operations = map[string]result.Operation{"append": {Count: 800, Histogram: t.Histogram}}
	t.Series = &result.Series{IntervalNs: 1e9, Points: []result.Point{{Ops: 376, Latencies: 376, P50: ns(1e6), Max: 2e6}}}
	return document(open, closed)
}
