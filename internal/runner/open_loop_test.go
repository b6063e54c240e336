package runner

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// openLoop applies settings of an open loop to a scenario: name, value, name, value, …
func openLoop(t testing.TB, s scenarios.Scenario, settings ...string) scenarios.Scenario {
	t.Helper()
	for _, row := range scenarios.Settings() {
		for i := 0; i < len(settings); i += 2 {
			if row.Name == settings[i] {
				if err := row.Apply(&s, settings[i+1]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return s
}

// appends is a scenario of visits of one append each.
func appends(t testing.TB, settings ...string) scenarios.Scenario {
	t.Helper()
	found, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	s := *found
	s.Visit, s.Hold, s.Prefill, s.Sessions = []scenarios.Op{scenarios.Append}, 0, 0, 16
	return openLoop(t, s, settings...)
}

// noted is when the operations of a store that notes them were called and returned.
type noted struct {
	mu    sync.Mutex
	calls []time.Time
	ends  []time.Time
}

// noting makes a subject that notes its updates and calls before in each, with the number of the update from 0.
func noting(of *noted, before func(n int)) Subject {
	return bend(func(b *bent) {
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			of.mu.Lock()
			n := len(of.calls)
			of.calls = append(of.calls, time.Now())
			of.mu.Unlock()
			before(n)
			err := b.SessionStore.Update(ctx, id, fn)
			of.mu.Lock()
			of.ends = append(of.ends, time.Now())
			of.mu.Unlock()
			return err
		}
	})
}

// at returns the value that the share q of sorted values does not exceed.
func at(values []time.Duration, q float64) time.Duration {
	return values[int(math.Ceil(q*float64(len(values))))-1]
}

// A store stalls for 200 ms. With one user, the arrivals of that time wait for the user: their response times are 200…0 ms, which
// the service times do not show. With as many users as are needed, all of them are in the store during the stall, and both show it.
func TestStall(t *testing.T) {
	const stall, perSecond = 200 * time.Millisecond, 1000
	window := 2 * time.Second
	if os.Getenv("SESSBENCH_TEST_LONG") != "" {
		window = 10 * time.Second
	}
	arrivals := int(window.Seconds()) * perSecond
	for _, users := range []string{"1", "1000"} {
		t.Run("max-users="+users, func(t *testing.T) {
			var of noted
			var lock sync.RWMutex
			stalled := make(chan struct{})
			s := appends(t, "rate", "1000/s", "arrivals", "constant", "max-users", users)
			trial := try(t, s, noting(&of, func(n int) {
				if n == arrivals/2 {
					lock.Lock()
					close(stalled)
					time.Sleep(stall)
					lock.Unlock()
				}
				lock.RLock() // until the stall is over
				defer lock.RUnlock()
			}), window)
			<-stalled
			if !trial.Audit.OK {
				t.Fatalf("%+v", trial.Audit)
			}
			response, service := trial.LatencyNs, trial.OpenLoop.ServiceNs
			if response.Count != int64(arrivals) || response.Censored != nil {
				t.Errorf("%d responses, %+v censored: want %d and none", response.Count, response.Censored, arrivals)
			}
			// 200 arrivals are delayed by 200…0 ms, so that of 2000 p95 is 100 ms and p99 180 ms. A slow machine adds to that.
			percentiles := []struct {
				got *int64
				q   float64
			}{{response.P95, 0.95}, {response.P99, 0.99}}
			if arrivals > 2000 {
				percentiles = percentiles[1:]
			}
			for _, p := range percentiles {
				longer := (1 - p.q) * float64(arrivals) // so many are delayed for longer, each by 1 ms more than the next
				if want := stall - time.Duration(longer*float64(time.Second/perSecond)); float64(*p.got) < 0.95*float64(want) {
					t.Errorf("p%v of the response time is %v, want %v", 100*p.q, time.Duration(*p.got), want)
				}
			}
			hidden := users == "1"
			if got := time.Duration(*service.P99); (got < 90*time.Millisecond) != hidden {
				t.Errorf("p99 of the service time is %v", got)
			}
			if !hidden {
				return
			}
			// With one user, the response times follow from when the store returned.
			var want []time.Duration
			for i, end := range of.ends {
				want = append(want, end.Sub(of.calls[0])-time.Duration(i)*time.Second/perSecond)
			}
			slices.Sort(want)
			for _, p := range percentiles {
				if want := at(want[:response.Count], p.q); math.Abs(float64(*p.got)/float64(want)-1) > 0.05 {
					t.Errorf("p%v of the response time is %v, the store's was %v", 100*p.q, time.Duration(*p.got), want)
				}
			}
		})
	}
}

// A store that cannot keep up has a growing queue, and what it has not done when the drain is over is counted with lower bounds.
func TestSaturated(t *testing.T) {
	for _, users := range []string{"2", "1000"} {
		t.Run("max-users="+users, func(t *testing.T) {
			s := appends(t, "rate", "1000/s", "max-users", users)
			s.Hold = 10 * time.Millisecond
			trial := try(t, s, subject(t, "global"), 500*time.Millisecond) // which does 100 per second at most
			o := trial.OpenLoop
			if !o.Saturated || o.Achieved > 0.3 || o.Growth < 200 {
				t.Errorf("%+v", o)
			}
			if users == "2" && (o.Queue < 100 || o.Unserved < 100 || o.Users > 2) {
				t.Errorf("%d waited for a user, %d were not served, %d users at a time: want most of 400, and 2", o.Queue, o.Unserved, o.Users)
			}
			if users == "1000" && o.Users < 100 {
				t.Errorf("%d users at a time", o.Users)
			}
			l := trial.LatencyNs
			if l.Censored == nil || l.Censored.Count < 200 || !l.AtLeast(*l.P90) || l.Count != trial.Visits {
				t.Errorf("%+v of %d visits", l, trial.Visits)
			}
			if !trial.Audit.OK {
				t.Errorf("%+v", trial.Audit)
			}
		})
	}
}

// A store that keeps up is not saturated, however irregular the arrivals are, and nothing is censored.
func TestNotSaturated(t *testing.T) {
	for seed := range uint64(3) {
		r := run{Config: Config{Seed: seed, Window: time.Second}}
		s := appends(t, "rate", "100/s") // of 100 visits, 30 would have to wait at the end
		trial, err := runTrial(t.Context(), subject(t, "global"), r.setup(&s))
		if err != nil {
			t.Fatal(err)
		}
		if o := trial.OpenLoop; o.Saturated || o.Unserved > 0 || trial.LatencyNs.Censored != nil {
			t.Errorf("seed %d: %+v %+v", seed, o, trial.LatencyNs)
		}
	}
}

// Saturation by the growth of the backlog.
func TestGrowth(t *testing.T) {
	grow := func(perSample func(i int) int64) *backlog {
		b := &backlog{}
		for i := range 500 {
			b.samples = append(b.samples, backlogSample{int64(i), 0, perSample(i)})
		}
		return b
	}
	for _, c := range []struct {
		name    string
		open    func(i int) int64
		arrived int64
		lacking float64 // visits that were not achieved
		want    bool
	}{
		{"none", func(int) int64 { return 0 }, 1000, 0, false},
		{"long", func(int) int64 { return 5000 }, 1000, 0, false},
		{"a burst", func(i int) int64 { return int64(max(0, 200-abs(250-i))) }, 1000, 0, false},
		{"up and down", func(i int) int64 { return int64(50 + 50*math.Sin(float64(i)/20)) }, 10_000, 100, false},
		{"a tenth", func(i int) int64 { return int64(i) }, 5000, 500, true},
		{"a hundredth of many", func(i int) int64 { return int64(40 * i) }, 1_000_000, 20_000, true},
		{"made up for", func(i int) int64 { return int64(max(0, i-400)) }, 1000, 0, false},
	} {
		growth, _ := grow(c.open).growth()
		if got := judge.Saturates(growth, c.arrived, 1-c.lacking/float64(c.arrived)); got != c.want {
			t.Errorf("%s: saturated %v with a growth of %v of %d", c.name, got, growth, c.arrived)
		}
	}
}

func abs(i int) int { return max(i, -i) }

// Every scenario has an open loop, and in it every operation is counted once.
func TestEveryScenarioHasAnOpenLoop(t *testing.T) {
	for _, of := range scenarios.All() {
		t.Run(of.Name, func(t *testing.T) {
			s := openLoop(t, small(t, of.Name), "rate", "3000/s", "max-users", "40")
			trial := try(t, s, subject(t, "sharded"), 100*time.Millisecond)
			if !trial.Audit.OK {
				t.Errorf("audit: %+v", trial.Audit)
			}
			counted := countedOps(&trial)
			if counted != trial.LatencyNs.Count || counted == 0 {
				t.Errorf("%d operations by kind, %d in all", counted, trial.LatencyNs.Count)
			}
			if o := trial.OpenLoop; trial.Visits != o.StartNs.Count || trial.Visits != o.VisitNs.Count {
				t.Errorf("%d visits, %d starts, %d ends", trial.Visits, o.StartNs.Count, o.VisitNs.Count)
			}
		})
	}
}

// The think time of a visit lies between its operations, and is no part of its response.
func TestThinkTimeOfAVisit(t *testing.T) {
	s := openLoop(t, small(t, "chatbot"), "rate", "300/s", "think", "20ms")
	var trial result.Trial
	for window := 100 * time.Millisecond; window < 10*time.Second && trial.ThinkTimes == nil; window *= 2 { // on a busy machine no visit may end in it
		trial = try(t, s, subject(t, "sharded"), window)
	}
	o := trial.OpenLoop
	if o.VisitNs.Count == 0 || trial.ThinkTimes == nil || trial.ThinkTimes.Max < int64(20*time.Millisecond) {
		t.Errorf("%+v, think times %+v", o, trial.ThinkTimes)
	}
	if o.Users < 3 { // three visits per 30 ms, of 40 ms each
		t.Errorf("%d users at a time", o.Users)
	}
}

// A run that is aborted does not wait for arrivals, nor for the drain.
func TestAbortedOpenLoop(t *testing.T) {
	for _, settings := range [][]string{{"rate", "0.01/s"}, {"rate", "100000/s", "max-users", "2"}} {
		ctx, cancel := context.WithCancel(t.Context())
		r := run{Config: Config{Seed: DefaultSeed, Window: time.Hour}}
		s := appends(t, settings...)
		s.Hold = time.Millisecond
		time.AfterFunc(50*time.Millisecond, cancel)
		if _, err := runTrial(ctx, subject(t, "global"), r.setup(&s)); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// A panic of the store ends one user and strikes the row; the others go on.
func TestPanicInAnOpenLoop(t *testing.T) {
	var of noted
	trial := try(t, appends(t, "rate", "2000/s"), noting(&of, func(n int) {
		if n == 50 {
			panic("bent")
		}
	}), 200*time.Millisecond)
	if trial.Audit.OK || len(of.ends) < 100 {
		t.Errorf("%+v after %d updates", trial.Audit, len(of.ends))
	}
}

// Whole histories can be recorded, by users that are made during the trial, too.
func TestRecordedOpenLoop(t *testing.T) {
	for _, name := range []string{"chatbot", "create-storm"} {
		r := run{Config: Config{Seed: DefaultSeed, Window: 100 * time.Millisecond, Record: 1}}
		s := openLoop(t, small(t, name), "rate", "10000/s", "max-users", "200")
		s.Hold = 5 * time.Millisecond
		trial, err := runTrial(t.Context(), subject(t, "sharded"), r.setup(&s))
		if err != nil {
			t.Fatal(err)
		}
		if got := trial.Audit.Recorded; !trial.Audit.OK || got == nil || got.Certified == 0 || got.Certified != got.Sessions || trial.OpenLoop.Users <= firstUsers {
			t.Errorf("%s: %+v, %+v, %d users", name, trial.Audit, got, trial.OpenLoop.Users)
		}
	}
}

func ExampleWindowOf() {
	s := scenarios.Scenario{Visit: []scenarios.Op{scenarios.History, scenarios.Append}}
	for _, l := range []scenarios.Load{{}, {Rate: 1e6}, {Rate: 1000}, {Rate: 1}, {Rate: 1, Stages: []scenarios.Stage{{Length: time.Minute, Rate: 9}}}} {
		s.Load = l
		fmt.Println(WindowOf(&s))
	}
	// Output:
	// 400ms
	// 400ms
	// 3s
	// 10s
	// 1m0s
}

// A store that hangs is found, although visits go on arriving.
func TestHangInAnOpenLoop(t *testing.T) {
	release := make(chan struct{})
	defer func() { close(release); time.Sleep(10 * time.Millisecond) }()
	hangs := bend(func(b *bent) {
		b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
			<-release
			return manager.ErrClosed
		}
	})
	for _, users := range []string{"3", "100"} {
		doc, err := Run(t.Context(), Config{
			Subjects: []Subject{hangs}, Scenarios: []scenarios.Scenario{appends(t, "rate", "2000/s", "max-users", users)},
			Runs: 1, Seed: 1, Window: 50 * time.Millisecond, Patience: 50 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		trials := doc.Results[0].Trials
		if len(trials) != 1 || trials[0].Audit.OK || trials[0].Audit.Violations[0].Kind != "hang" {
			t.Errorf("trials: %+v", trials)
		}
	}
}

// A trial has the distribution of each operation, which documents and plots have later.
func TestOperationsHaveHistograms(t *testing.T) {
	for _, settings := range [][]string{{"rate", "600/s"}, nil} {
		s := openLoop(t, *lookUp(t, "chatbot"), append(settings, "hold", "0s")...)
		trial := try(t, s, subject(t, "sharded"), 200*time.Millisecond)
		for name, of := range trial.Operations {
			h, err := result.DecodeHistogram(of.Histogram)
			if err != nil || h.TotalCount() != of.LatencyNs.Count {
				t.Errorf("%s: %v", name, err)
			}
			if h, err := result.DecodeHistogram(of.Service); len(settings) > 0 && (err != nil || h.TotalCount() != of.ServiceNs.Count) {
				t.Errorf("service times of %s: %v", name, err)
			}
		}
		trial.OmitHistograms()
		for name, of := range trial.Operations {
			if trial.Histogram != "" || of.Histogram != "" || of.Service != "" || of.LatencyNs.Count == 0 {
				t.Errorf("%s: %+v", name, of)
			}
		}
	}
}
