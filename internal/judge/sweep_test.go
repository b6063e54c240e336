package judge

import (
	"fmt"
	"testing"

	"github.com/sessbench/sessbench/reports/result"
)

// sweptDocument is a sweep over users whose strategies have these throughputs at 1, 2, 4 and so on, in six blocks without noise but a
// common rhythm. change changes a trial; it may be nil.
func sweptDocument(rates map[string][]float64, change func(strategy string, users int, t *result.Trial)) *result.Document {
	d := &result.Document{Machine: result.Machine{Cores: 2, GOMAXPROCS: 2}, Sweep: &result.Sweep{Scenario: "chatbot", Over: "users", Blocks: 6}}
	for _, name := range []string{"a", "b"} {
		for i, rate := range rates[name] {
			users := 1 << i
			scenario := fmt.Sprintf("chatbot/users=%d", users)
			if d.Sweep.At(scenario) == nil {
				d.Sweep.Points = append(d.Sweep.Points, result.SweepPoint{Text: fmt.Sprint(users), Value: float64(users), Scenario: scenario})
			}
			r := result.Result{Strategy: name, Scenario: scenario, Workload: result.Workload{Users: users}}
			for block := range 6 {
				t := trials(rate * (1 + 0.01*float64(block%3) + 0.001*float64((block*users)%5)))[0]
				t.Block, t.ElapsedNs = block, 1e9
				if change != nil {
					change(name, users, &t)
				}
				r.Trials = append(r.Trials, t)
			}
			d.Results = append(d.Results, r)
		}
	}
	Summarize(d)
	SummarizeSweep(d)
	return d
}

func TestSweepLeads(t *testing.T) {
	for _, test := range []struct {
		why  string
		a, b []float64
		want string
	}{
		{"b is faster from the third value on", []float64{100, 100, 100, 100}, []float64{100, 100, 200, 400}, "b before a from 4 at 8: 4.0"},
		{"b is faster only in the middle", []float64{100, 100, 100, 100}, []float64{100, 200, 200, 100}, ""},
		{"a is faster everywhere", []float64{300, 300, 300, 300}, []float64{100, 100, 100, 100}, "a before b from 1 at 8: 3.0"},
		{"equal", []float64{100, 100}, []float64{100, 100}, ""},
		{"b overtakes a", []float64{200, 200, 200, 200}, []float64{100, 150, 300, 400}, "b before a from 4 at 8: 2.0"},
		{"the largest value of both counts", []float64{100, 100, 100}, []float64{200, 200, 200, 200}, "b before a from 1 at 4: 2.0"},
	} {
		got := ""
		for _, l := range sweptDocument(map[string][]float64{"a": test.a, "b": test.b}, nil).Sweep.Leads {
			got += fmt.Sprintf("%s before %s from %s at %s: %.1f", l.Faster, l.Slower, l.From, l.At, l.Ratio.Ratio)
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}

func TestSweepLimits(t *testing.T) {
	lock := func(share float64) func(t *result.Trial) {
		return func(t *result.Trial) { t.Locks.HoldNs, t.Locks.WaitNs = 1000, int64(1000*share/(1-share)) }
	}
	cpu := func(share float64) func(t *result.Trial) {
		return func(t *result.Trial) { t.Usage.CPUNsPerOp = share * 2e9 / t.OpsPerSec }
	}
	busiest := func(share, mean float64) func(t *result.Trial) {
		return func(t *result.Trial) {
			median := int64(1000)
			t.Locks.HoldNs, t.Locks.HoldTimes = int64(1000*mean), &result.Latency{P50: &median}
			t.Locks.BusiestHeld = share * 1e9 / t.OpsPerSec
		}
	}
	gc := func(share float64) func(t *result.Trial) {
		return func(t *result.Trial) { t.Totals = map[string]float64{"gc_pause_ns": share * 1e9} }
	}
	for _, test := range []struct {
		why  string
		from int // users
		set  []func(t *result.Trial)
		want string
	}{
		{"waits for the lock from two users on", 2, []func(*result.Trial){lock(0.9)}, "lock from 2 at 8: 0.90"},
		{"waits that are no large part", 1, []func(*result.Trial){lock(0.4)}, ""},
		{"the processors are used", 4, []func(*result.Trial){cpu(0.95)}, "cpu from 4 at 8: 0.95"},
		{"most of the processors are not", 1, []func(*result.Trial){cpu(0.7)}, ""},
		{"the processors explain the waits", 4, []func(*result.Trial){cpu(0.95), lock(0.9)}, "cpu from 4 at 8: 0.95"},
		{"the busiest session", 8, []func(*result.Trial){busiest(0.97, 1), lock(0.6)}, "session from 8 at 8: 0.97"},
		{"holds that were suspended are not the session's", 8, []func(*result.Trial){busiest(0.97, 10)}, ""},
		{"garbage collection", 1, []func(*result.Trial){gc(0.3), cpu(0.99)}, "gc from 1 at 8: 0.30"},
		{"few pauses", 1, []func(*result.Trial){gc(0.02)}, ""},
		{"nothing", 1, nil, ""},
	} {
		d := sweptDocument(map[string][]float64{"a": {100, 100, 100, 100}}, func(_ string, users int, t *result.Trial) {
			for _, set := range test.set {
				if users >= test.from {
					set(t)
				}
			}
		})
		got := ""
		if l := d.Sweep.Lines[0].Limited; l != nil {
			got = fmt.Sprintf("%s from %s at %s: %.2f", l.By, l.From, l.At, l.Share)
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.why, got, test.want)
		}
	}
}

// A share that is large in most trials, but not beyond chance, is no cause.
func TestSweepLimitNeedsItsInterval(t *testing.T) {
	n := 0
	d := sweptDocument(map[string][]float64{"a": {100, 100}}, func(_ string, _ int, t *result.Trial) {
		t.Locks.HoldNs, t.Locks.WaitNs = 1000, 9000
		if n++; n%6 == 0 {
			t.Locks.WaitNs = 100
		}
	})
	if l := d.Sweep.Lines[0].Limited; l != nil {
		t.Errorf("%+v", l)
	}
}

// Nothing follows from a strategy that failed an audit, or from values without enough trials.
func TestSweepWithoutTrust(t *testing.T) {
	rates := map[string][]float64{"a": {200, 200, 200, 200, 200, 200}, "b": {100, 150, 300, 400, 400, 400}}
	failed := sweptDocument(rates, func(strategy string, users int, t *result.Trial) {
		if strategy == "b" && users == 2 && t.Block == 3 {
			t.Audit = result.Audit{Violations: []result.Violation{{Kind: "lost update"}}}
		}
	})
	few := sweptDocument(rates, nil)
	for i := range few.Results {
		few.Results[i].Trials = few.Results[i].Trials[:5]
	}
	Summarize(few)
	SummarizeSweep(few)
	for why, d := range map[string]*result.Document{"a failed audit": failed, "five trials": few} {
		if s := d.Sweep; len(s.Crossovers)+len(s.Leads) > 0 || s.Lines[1].Law != nil || s.Lines[1].Knee != nil || s.Lines[1].Limited != nil {
			t.Errorf("%s: %+v", why, s)
		}
	}
	if whole := sweptDocument(rates, nil).Sweep; len(whole.Crossovers) != 1 || whole.Crossovers[0].Faster != "b" || len(whole.Leads) != 1 {
		t.Errorf("%+v, %+v", whole.Crossovers, whole.Leads)
	}
}

func TestCompareOfSweeps(t *testing.T) {
	rates := map[string][]float64{"a": {100, 100}, "b": {100, 200}}
	old, fresh := sweptDocument(rates, nil), sweptDocument(map[string][]float64{"a": {100, 100}, "b": {100, 300}}, nil)
	c, err := Compare([]Source{{Label: "old", File: "old", Document: old}, {Label: "new", File: "new", Document: fresh}})
	if err != nil || len(c.Differences) > 0 {
		t.Fatal(err, c)
	}
	if len(c.Scenarios) != 1 || c.Scenarios[0].Scenario != "chatbot" {
		t.Fatalf("%+v", c.Scenarios)
	}
	got := ""
	for _, r := range c.Scenarios[0].Tables[0].Rows {
		got += fmt.Sprintf("%s: %s; ", r.Strategy, r.Cells[1].Change.Verdict)
	}
	if want := "a, users=1: within_noise; a, users=2: within_noise; b, users=1: within_noise; b, users=2: better; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	fresh.Sweep = nil
	if _, err := Compare([]Source{{Label: "old", File: "old", Document: old}, {Label: "new", File: "new", Document: fresh}}); err == nil {
		t.Error("a sweep is compared with what is none")
	}
}
