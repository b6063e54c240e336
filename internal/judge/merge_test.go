package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/reports/result"
)

// measured is what one participant's users did in a trial: the latencies of each, by operation.
type measured []map[string][]int64

// someUsers makes up n users that append and read, each at a pace of its own.
func someUsers(rng *rand.Rand, n int) measured {
	m := make(measured, n)
	for i := range m {
		m[i] = map[string][]int64{}
		for range 20 + rng.IntN(200) {
			op := []string{"append", "history"}[rng.IntN(2)]
			m[i][op] = append(m[i][op], int64(math.Exp(8+4*rng.Float64()))+rng.Int64N(1000))
		}
	}
	return m
}

// trial is the trial that a runner would have made of it.
func (m measured) trial(t *testing.T, block int) result.Trial {
	t.Helper()
	all, each, errs := result.NewHistogram(), map[string]*hdr.Histogram{}, map[string]int64{"conflict": int64(len(m))}
	n := int64(len(m))
	tr := result.Trial{Visits: 7 * n, Totals: map[string]float64{"gc_pause_ns": float64(5 * n)}, Order: block, Block: block, ElapsedNs: 400e6, Errors: errs, Audit: result.Audit{OK: true}, MutexWaitNs: ns(5)}
	var squares float64
	for i, user := range m {
		var n int64
		for op, list := range user {
			if each[op] == nil {
				each[op] = result.NewHistogram()
			}
			for _, v := range list {
				record(t, all, v)
				record(t, each[op], v)
			}
			n += int64(len(list))
		}
		if i == 0 {
			tr.Fairness.MinOps = n
		}
		tr.Fairness.MinOps, tr.Fairness.MaxOps = min(tr.Fairness.MinOps, n), max(tr.Fairness.MaxOps, n)
		tr.Ops += n
		squares += float64(n) * float64(n)
	}
	ops := float64(tr.Ops)
	tr.Fairness.Jain = ops * ops / (float64(len(m)) * squares)
	tr.Fairness.MinOverMax = float64(tr.Fairness.MinOps) / float64(tr.Fairness.MaxOps)
	tr.OpsPerSec = ops / 0.4
	tr.LatencyNs, tr.Histogram = result.LatencyOf(all), encoded(t, all)
	tr.Operations = map[string]result.Operation{}
	for op, h := range each {
		tr.Operations[op] = result.Operation{Count: h.TotalCount(), LatencyNs: result.LatencyOf(h), Histogram: encoded(t, h)}
	}
	return tr
}

func record(t *testing.T, h *hdr.Histogram, v int64) {
	t.Helper()
	if err := h.RecordValue(v); err != nil {
		t.Fatal(err)
	}
}

func encoded(t *testing.T, h *hdr.Histogram) string {
	t.Helper()
	text, err := result.EncodeHistogram(h)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// partOf is the document of one part of a run of so many users with two strategies and trials of these.
func partOf(t *testing.T, index, of, users int, trials ...measured) Source {
	t.Helper()
	d := &result.Document{
		SchemaVersion: result.SchemaVersion,
		ID:            string(rune('a'+index)) + "-id",
		Created:       time.Date(2026, 3, 1, 12, 0, index, 0, time.UTC),
		Tool:          result.Tool{Version: "v1.0.0"},
		Machine:       result.Machine{CPU: "Z80", Cores: 2, Go: "go1.26.0", Load1: float64(index)},
		Config: result.Config{Strategies: []string{"global", "sharded"}, Scenarios: []string{"chatbot"}, Runs: len(trials), Settings: map[string]string{"seed": "1", "warmup": "0s"},
			Params: map[string]string{"shards": "16"}},
		Harness: result.Harness{NsPerOp: 100, OpsPerSec: 1000},
		Part:    &result.Part{RunID: "X", Index: index, Count: of, Host: "host" + string(rune('a'+index))},
	}
	var done []result.Trial
	for block, m := range trials {
		done = append(done, m.trial(t, block))
	}
	for i, name := range d.Config.Strategies {
		r := result.Result{Strategy: name, Scenario: "chatbot", Baseline: i == 0, LimitOpsPerSec: 1e6,
			Workload: result.Workload{TapeHash: "3f2a", Users: users, Sessions: 10, WindowNs: 400e6}}
		for _, tr := range done { // both strategies have the same trials, each its own
			tr.Errors, tr.Operations, tr.MutexWaitNs = maps.Clone(tr.Errors), maps.Clone(tr.Operations), ns(float64(*tr.MutexWaitNs))
			r.Trials = append(r.Trials, tr)
		}
		d.Results = append(d.Results, r)
	}
	name := string(rune('a' + index))
	return Source{Label: name, File: name + ".json", Document: d}
}

// partsOf splits the users of each trial among some parts, and returns the whole, too.
func partsOf(t *testing.T, of, blocks int) (parts []Source, whole []measured) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(of)))
	const users = 11 // cannot be shared evenly
	share := make([][]measured, of)
	for range blocks {
		var all measured
		for i := range of {
			lo, hi := (&result.Part{Index: i, Count: of}).Share(users)
			some := someUsers(rng, hi-lo)
			share[i] = append(share[i], some)
			all = append(all, some...)
		}
		whole = append(whole, all)
	}
	for i := range of {
		parts = append(parts, partOf(t, i, of, users, share[i]...))
	}
	return parts, whole
}

func merged(t *testing.T, parts []Source) *result.Document {
	t.Helper()
	d, err := Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMergeEqualsWholeRun(t *testing.T) {
	t.Parallel()
	for _, of := range []int{1, 2, 4} {
		parts, whole := partsOf(t, of, 6)
		d := merged(t, parts)
		for _, r := range d.Results {
			if users := len(whole[0]); r.Users != users || r.Sessions != 10 || len(r.Trials) != 6 {
				t.Errorf("%d parts: %d users, %d sessions, %d trials: want %d, 10, 6", of, r.Users, r.Sessions, len(r.Trials), users)
			}
			for i, got := range r.Trials {
				want := whole[i].trial(t, i)
				want.MutexWaitNs = ns(float64(5 * of))
				got.Fairness.Jain = round(got.Fairness.Jain)
				want.Fairness.Jain = round(want.Fairness.Jain)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%d parts, block %d (-whole +merged):\n%s", of, i, diff)
				}
			}
			if r.Summary.OpsPerSec.Median <= 0 || !r.Summary.AuditOK || r.LimitOpsPerSec != 0 || r.Summary.OfLimit != 0 {
				t.Errorf("%d parts: limit %v, summary %+v", of, r.LimitOpsPerSec, r.Summary)
			}
		}
	}
}

// round takes the last digits off, which depend on the order in which numbers are added.
func round(x float64) float64 { return math.Round(x*1e9) / 1e9 }

func TestMergeWeightsMeans(t *testing.T) {
	parts, _ := partsOf(t, 2, 1)
	a, b := &parts[0].Document.Results[0].Trials[0], &parts[1].Document.Results[0].Trials[0]
	a.Usage.CPUNsPerOp, b.Usage.CPUNsPerOp = 100, 400
	a.Usage.AllocsPerOp, b.Usage.AllocsPerOp = 1, 0
	a.Locks.UpdateFraction, b.Locks.UpdateFraction = 0.5, 0
	a.Locks.HoldNs, b.Locks.HoldNs = 1000, 0
	a.ElapsedNs, b.ElapsedNs = 200e6, 400e6
	a.Totals, b.Totals = map[string]float64{"goroutines_max": 7}, map[string]float64{"goroutines_max": 9}
	a.Usage.TargetMemory, b.Usage.TargetMemory = 1<<20, 2<<20
	a.Usage.TargetCPUNs, b.Usage.TargetCPUNs = 50, 0
	a.Locks.BusiestFraction, b.Locks.BusiestFraction = 0.5, 0.1
	got := merged(t, parts).Results[0].Trials[0]
	x, y := float64(a.Ops), float64(b.Ops)
	for _, test := range []struct {
		what      string
		got, want float64
	}{
		{"processor time goes by operations", got.Usage.CPUNsPerOp, (100*x + 400*y) / (x + y)},
		{"as do allocations", got.Usage.AllocsPerOp, x / (x + y)},
		{"and the share of updates", got.Locks.UpdateFraction, 0.5 * x / (x + y)},
		{"work under the lock goes by updates, of which b made none", float64(got.Locks.HoldNs), 1000},
		{"the window is the longer one", float64(got.ElapsedNs), 400e6},
		{"and all operations were done in it", got.OpsPerSec, (x + y) / 0.4},
		{"goroutines add up", got.Totals["goroutines_max"], 16},
		{"and so does what the targets keep", float64(got.Usage.TargetMemory), 3 << 20},
		{"whose processor time goes by operations", got.Usage.TargetCPUNs, 50 * x / (x + y)},
		{"the busiest session is the same for all", got.Locks.BusiestFraction, (0.5*x + 0.1*y) / (x + y)},
	} {
		if math.Abs(test.got-test.want) > 1e-6*math.Abs(test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
}

// Operations that had no answer are counted, and have no latency.
func TestMergeOfOperationsWithoutAnAnswer(t *testing.T) {
	parts, whole := partsOf(t, 2, 1)
	for i, missed := range []int64{0, 252} {
		trial := &parts[i].Document.Results[0].Trials[0]
		op := trial.Operations["append"]
		op.Count, op.Errors = op.Count+missed, op.Errors+missed
		trial.Operations["append"] = op
	}
	parts[1].Document.Results[0].Trials[0].Operations["branch"] = result.Operation{Count: 3, Errors: 3} // none had one
	want := whole[0].trial(t, 0).Operations["append"]
	want.Count, want.Errors = want.Count+252, 252
	got := merged(t, parts).Results[0].Trials[0].Operations
	if diff := cmp.Diff(want, got["append"]); diff != "" {
		t.Error(diff)
	}
	if op := got["branch"]; op.Count != 3 || op.Errors != 3 || op.LatencyNs.Count != 0 {
		t.Errorf("an operation without any answer: %+v", op)
	}
	// Without one histogram there are mean and count of what has a latency.
	trial := parts[0].Document.Results[0].Trials[0]
	op := trial.Operations["append"]
	op.Histogram = ""
	trial.Operations["append"] = op
	if op := merged(t, parts).Results[0].Trials[0].Operations["append"]; op.Count != want.Count || op.LatencyNs.Count != want.LatencyNs.Count {
		t.Errorf("without one histogram: %+v", op)
	}
}

func TestMergeWeightsHarnessCost(t *testing.T) {
	parts, _ := partsOf(t, 2, 1)
	parts[0].Document.Harness = result.Harness{NsPerOp: 100, OpsPerSec: 3000, AllocsPerOp: 1}
	parts[1].Document.Harness = result.Harness{NsPerOp: 500, OpsPerSec: 1000}
	d := merged(t, parts)
	if want := (result.Harness{NsPerOp: 200, OpsPerSec: 4000, AllocsPerOp: 0.75}); d.Harness != want || d.Protocol != nil {
		t.Errorf("harness %+v, protocol %v: want %+v and none", d.Harness, d.Protocol, want)
	}
	parts[1].Document.Protocol = &result.Harness{NsPerOp: 9000, OpsPerSec: 60_000}
	if d := merged(t, parts); d.Protocol == nil || *d.Protocol != *parts[1].Document.Protocol {
		t.Errorf("protocol %+v", d.Protocol)
	}
}

func TestMergeOmitsUnknownValues(t *testing.T) {
	parts, _ := partsOf(t, 2, 1)
	a, b := &parts[0].Document.Results[0].Trials[0], &parts[1].Document.Results[0].Trials[0]
	b.MutexWaitNs = nil
	b.Fairness.MinOps, b.Fairness.MaxOps = 0, 0
	op := b.Operations["append"]
	op.Histogram = ""
	b.Operations["append"] = op
	parts[1].Document.Machine.CPU = "6502"
	d := merged(t, parts)
	got := d.Results[0].Trials[0]
	if got.MutexWaitNs != nil || got.Fairness != (result.Fairness{}) {
		t.Errorf("mutex wait %v, fairness %+v: want none", got.MutexWaitNs, got.Fairness)
	}
	l := got.Operations["append"].LatencyNs
	count := a.Operations["append"].Count + op.Count
	if l.P50 != nil || l.Count != count || l.Max != max(a.Operations["append"].LatencyNs.Max, op.LatencyNs.Max) || l.Mean == 0 {
		t.Errorf("without one histogram: %+v: want %d with mean and max alone", l, count)
	}
	if h := got.Operations["history"]; h.LatencyNs.P50 == nil || h.Histogram == "" {
		t.Errorf("history has both histograms, but %+v", h)
	}
	if d.Machine.CPU != "" || d.Machine.Cores != 2 || d.Machine.Load1 != 1 || d.Participants[1].Machine.CPU != "6502" {
		t.Errorf("machine %+v, of the second %+v", d.Machine, d.Participants[1].Machine)
	}
}

func TestMergeDoesNotDependOnTheOrder(t *testing.T) {
	t.Parallel()
	parts, _ := partsOf(t, 4, 2)
	want := merged(t, parts)
	slices.Reverse(parts)
	if diff := cmp.Diff(want, merged(t, parts)); diff != "" {
		t.Error(diff)
	}
}

func TestMergeChangesNoPart(t *testing.T) {
	t.Parallel()
	parts, _ := partsOf(t, 2, 2)
	parts[0].Document.Results[0].Trials[0].Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update", Detail: "one"}}}
	before := asText(t, parts)
	merged(t, parts)
	if diff := cmp.Diff(before, asText(t, parts)); diff != "" {
		t.Error(diff)
	}
}

func asText(t *testing.T, parts []Source) string {
	t.Helper()
	text, err := json.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMergeListsMissingParticipants(t *testing.T) {
	parts, _ := partsOf(t, 4, 1)
	d := merged(t, []Source{parts[3], parts[0], parts[1]})
	var names []string
	for _, p := range d.Participants {
		name := p.Called()
		if p.Missing {
			name += " lost: " + p.Reason
		}
		names = append(names, name)
	}
	want := []string{"participant 1 of 4 (hosta)", "participant 2 of 4 (hostb)", "participant 3 of 4 lost: its document was not given", "participant 4 of 4 (hostd)"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if a := d.Results[0].Trials[0].Audit; a.Partial != "" {
		t.Errorf("the first one has audited, but %q", a.Partial)
	}
	d = merged(t, parts[1:])
	if a := d.Results[0].Trials[0].Audit; a.Partial != "not at all: participant 1 of 4, which audits for all, is missing" {
		t.Errorf("without the first one: %+v", a)
	}
	if d.Part != nil || d.Interrupted {
		t.Errorf("part %v, interrupted %v", d.Part, d.Interrupted)
	}
}

func TestMergeInterruptedRunKeepsCommonTrials(t *testing.T) {
	parts, _ := partsOf(t, 2, 3)
	d := parts[1].Document
	d.Interrupted = true
	d.Results[0].Trials = d.Results[0].Trials[:2]
	d.Results = d.Results[:1]
	got := merged(t, parts)
	if !got.Interrupted || len(got.Results) != 1 || len(got.Results[0].Trials) != 2 {
		t.Errorf("interrupted %v, %d results, %d trials: want 1 with 2", got.Interrupted, len(got.Results), len(got.Results[0].Trials))
	}
	d.Results[0].Trials = nil
	if _, err := Merge(parts); err == nil || err.Error() != "no trial was completed by all parts" {
		t.Errorf("without a common trial: %v", err)
	}
}

// A participant that leaves the audit to the first one does not count as unaudited in the merged document.
func TestMergeTakesTheAuditOfTheFirstPart(t *testing.T) {
	parts, _ := partsOf(t, 2, 1)
	d := parts[1].Document
	for i := range d.Results {
		d.Results[i].Trials[0].Audit = result.Audit{OK: true, Skipped: true, Partial: "audited by participant 1"}
	}
	if a := merged(t, parts).Results[0].Trials[0].Audit; a.Partial != "" || a.Skipped || !a.OK {
		t.Errorf("%+v", a)
	}
}

func TestMergeKeepsViolations(t *testing.T) {
	parts, _ := partsOf(t, 2, 2)
	parts[1].Document.Results[1].Trials[1].Audit = result.Audit{Omitted: 3,
		Violations: []result.Violation{{Kind: "lost update", Detail: "8 of 9 are there"}}}
	// A store that hangs leaves no figures, and is not tried again.
	parts[0].Document.Results[0].Trials = []result.Trial{{Audit: result.Audit{Violations: []result.Violation{{Kind: "hang", Detail: "30s"}}}}}
	parts[0].Document.Results[1].Trials[0].Audit.Partial = "somebody is lost"
	parts[1].Document.Results[1].Trials[0].Audit = result.Audit{OK: true, Skipped: true}
	for i := range parts {
		parts[i].Document.Results[0].Trials[0].Audit.Recorded = &result.Recorded{Sessions: 1 + i, Certified: 1}
	}
	d := merged(t, parts)
	if !d.Failed() || d.Results[0].Summary.AuditOK || d.Results[1].Summary.OpsPerSec.Median != 0 {
		t.Error("the failed audits are forgotten")
	}
	want := result.Audit{Omitted: 3, Violations: []result.Violation{{Kind: "lost update", Detail: "participant 2 of 2: 8 of 9 are there"}}}
	if diff := cmp.Diff(want, d.Results[1].Trials[1].Audit); diff != "" {
		t.Error(diff)
	}
	want = result.Audit{OK: true, Partial: "somebody is lost"}
	if diff := cmp.Diff(want, d.Results[1].Trials[0].Audit); diff != "" {
		t.Error(diff)
	}
	want = result.Audit{Violations: []result.Violation{{Kind: "hang", Detail: "30s"}}, Recorded: &result.Recorded{Sessions: 3, Certified: 2}}
	if diff := cmp.Diff(want, d.Results[0].Trials[0].Audit); diff != "" || len(d.Results[0].Trials) != 1 {
		t.Errorf("%d trials: %s", len(d.Results[0].Trials), diff)
	}
}

func TestMergeSeparateRuns(t *testing.T) {
	parts, _ := partsOf(t, 2, 1)
	for _, s := range parts {
		s.Document.Part = nil
	}
	a, b := &parts[0].Document.Results[0], &parts[1].Document.Results[0]
	a.Users, a.Trials[0].Locks.BusiestFraction, b.Users, b.Trials[0].Locks.BusiestFraction, b.Sessions = 5, 0.5, 6, 0.1, 30
	d := merged(t, parts)
	got := d.Results[0]
	if got.Users != 11 || got.Sessions != 40 {
		t.Errorf("%d users, %d sessions: want 11 and 40, for they have nothing in common", got.Users, got.Sessions)
	}
	x, y := float64(a.Trials[0].Ops), float64(b.Trials[0].Ops)
	if want := max(0.5*x, 0.1*y) / (x + y); math.Abs(got.Trials[0].Locks.BusiestFraction-want) > 1e-9 {
		t.Errorf("busiest session: %v, want %v", got.Trials[0].Locks.BusiestFraction, want)
	}
	if len(d.Participants) != 2 || d.Participants[0].Name != "a" || d.Participants[1].Called() != "b" || d.Participants[1].Missing {
		t.Errorf("participants %+v", d.Participants)
	}
}

func TestMergeRefuses(t *testing.T) {
	t.Parallel()
	first := func(d *result.Document) *result.Trial { return &d.Results[0].Trials[0] }
	for _, test := range []struct {
		why      string
		change   func(d *result.Document) // b's
		want     string
		repeated bool
	}{
		{"another seed", func(d *result.Document) { d.Config.Settings["seed"] = "7" }, "seed: 1 in a, 7 in b", false},
		{"another build", func(d *result.Document) { d.Tool.Commit = "f00" }, "version: v1.0.0 in a, v1.0.0 f00 in b", false},
		{"another target asked for", func(d *result.Document) { d.Config.Targets = []string{"exec:a", "exec:b"} }, "targets: not set in a, exec:a, exec:b in b", false},
		{"other trials", func(d *result.Document) { d.Config.Runs = 9 }, "runs: 1 in a, 9 in b", false},
		{"another setting of all", func(d *result.Document) { d.Config.Params = nil }, "params: shards=16 in a, not set in b", false},
		{"another tape", func(d *result.Document) { d.Results[1].TapeHash = "77" }, "tape (chatbot): 3f2a in a, 77 in b", false},
		{"other work", func(d *result.Document) { d.Results[0].HoldNs = 1e6 }, "hold (chatbot): 0s in a, 1ms in b", false},
		{"other users", func(d *result.Document) { d.Results[0].Users = 12 }, "users (chatbot): 11 in a, 12 in b", false},
		{"another target", func(d *result.Document) { d.Results[0].Target = "python" }, "global (chatbot) is in a.json and not in b.json", false},
		{"another baseline", func(d *result.Document) { d.Results[0].Baseline = false }, "baseline of global (chatbot): true in a, false in b", false},
		{"a strategy more", func(d *result.Document) { d.Results = append(d.Results, result.Result{Strategy: "cow"}) }, "results: 2 in a.json, 3 in b.json", false},
		{"another run", func(d *result.Document) { d.Part.RunID = "Y" }, "run id: X in a, Y in b", false},
		{"another number of parts", func(d *result.Document) { d.Part.Count = 3 }, "parts: 2 in a, 3 in b", false},
		{"a part beyond", func(d *result.Document) { d.Part.Index = 2 }, "b.json: index 2 of 2 parts: want", false},
		{"no part", func(d *result.Document) { d.Part = nil }, "a.json belongs to participant 1 of 2 in run X, b.json is a separate run", false},
		{"the same part", func(d *result.Document) { d.Part.Index = 0 }, "a.json and b.json are both of participant 1 of 2", true},
		{"the same document", func(d *result.Document) { d.ID = "a-id" }, "a.json and b.json are the same document, a-id", true},
		{"one that is merged", func(d *result.Document) { d.Participants = make([]result.Participant, 2) }, "b.json: already merged from 2 participants", false},
		{"nothing in it", func(d *result.Document) { d.Results = nil }, "b.json: no results", false},
		{"no histogram", func(d *result.Document) { first(d).Histogram = "" }, "b.json: histogram: none (global (chatbot), block 1)", false},
		{"a torn histogram", func(d *result.Document) { first(d).Histogram = first(d).Histogram[:40] }, "b.json: histogram: ", false},
		{"a lying histogram", func(d *result.Document) { first(d).LatencyNs.Count++ }, "b.json: histogram: holds ", false},
		{"an operation's lying one", func(d *result.Document) {
			op := first(d).Operations["append"]
			op.LatencyNs.Count++
			first(d).Operations["append"] = op
		}, "b.json: append: histogram: holds ", false},
		{"a coarse histogram", func(d *result.Document) { first(d).Histogram = coarse }, "b.json: histogram: 1 digits from 1 to 1000000 ns: want 3", false},
	} {
		parts, _ := partsOf(t, 2, 1)
		test.change(parts[1].Document)
		_, err := Merge(parts)
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrDuplicatePart) != test.repeated {
			t.Errorf("%s: %v: want %q, repeated %v", test.why, err, test.want, test.repeated)
		}
	}
	if _, err := Merge(nil); err == nil {
		t.Error("nothing was merged without an error")
	}
}

// coarse is a histogram with one digit.
var coarse = func() string {
	h := hdr.New(1, 1_000_000, 1)
	text, err := result.EncodeHistogram(h)
	if err != nil {
		panic(err)
	}
	return text
}()

// The blocks come in the order of the first part, and those that a part lacks are left out, in whatever order parts have them.
func TestBlocksOf(t *testing.T) {
	const n = 12_000
	a, b := &result.Result{}, &result.Result{}
	for i := range n {
		a.Trials = append(a.Trials, result.Trial{Block: i, Ops: 1})
		if i != 7 {
			b.Trials = append(b.Trials, result.Trial{Block: n - 1 - i, Ops: 2})
		}
	}
	blocks := blocksOf([]*result.Result{a, b})
	if len(blocks) != n-1 {
		t.Fatalf("%d blocks, want %d", len(blocks), n-1)
	}
	for i, same := range blocks {
		want := i
		if i >= n-1-7 { // the one that b lacks
			want++
		}
		if same[0].Block != want || same[1].Block != want || same[0].Ops != 1 || same[1].Ops != 2 {
			t.Fatalf("element %d is of block %d and %d, want %d", i, same[0].Block, same[1].Block, want)
		}
	}
}

// The error is that of the first block, whichever goroutine is done first.
func TestForEachReturnsTheFirstError(t *testing.T) {
	done := make([]bool, 100)
	err := forEach(len(done), func(i int) error {
		done[i] = true
		if i == 20 || i == 21 || i == 99 {
			return fmt.Errorf("block %d", i)
		}
		return nil
	})
	if err == nil || err.Error() != "block 20" || slices.Contains(done, false) {
		t.Errorf("%v, %v", err, done)
	}
	if err := forEach(0, func(int) error { return errors.New("never") }); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}
