package runner

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// elsewhere performs tasks with a worker, and sends them and their outcomes through JSON as another process would.
func elsewhere(t *testing.T, cfg Config) Executor {
	w := NewWorker(cfg)
	return func(ctx context.Context, task Task, on Callbacks) (out Outcome, err error) {
		found, err := w.Do(ctx, through(t, task), on)
		return through(t, found), err
	}
}

func through[T any](t *testing.T, v T) (read T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// abroad is a configuration with counted visits, so that what is done does not depend on the machine.
func abroad(t *testing.T) Config {
	hold, counted := small(t, "chatbot"), small(t, "hundred-users")
	hold.Iterations, counted.Iterations, counted.Hold = 3, 4, 0
	return Config{
		Subjects:  []Subject{subject(t, "global"), subject(t, "sharded"), subject(t, "noop")},
		Scenarios: []scenarios.Scenario{hold, counted}, Runs: 2, Seed: DefaultSeed, Record: 1,
	}
}

// TestWorkerMakesTheSameDocument: what is counted, and which figures there are, does not depend on where tasks are performed.
func TestWorkerMakesTheSameDocument(t *testing.T) {
	cfg := abroad(t)
	here, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Executor = elsewhere(t, cfg)
	there, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(here.Results) != 6 || len(there.Results) != 6 || there.Harness.NsPerOp <= 0 {
		t.Fatalf("%d and %d results, harness %+v", len(here.Results), len(there.Results), there.Harness)
	}
	for i := range here.Results {
		a, b := here.Results[i], there.Results[i]
		if a.TapeHash != b.TapeHash || a.Strategy != b.Strategy || a.Scenario != b.Scenario || len(a.Trials) != len(b.Trials) {
			t.Errorf("%s (%s): %+v\nand elsewhere %+v", a.Strategy, a.Scenario, a, b)
		}
		if measured := func(x float64) bool { return x > 0 }; measured(a.LimitOpsPerSec) != measured(b.LimitOpsPerSec) ||
			(a.WaitNs > 0) != (b.WaitNs > 0) {
			t.Errorf("%s (%s): limit %v, wait %v; elsewhere %v and %v", a.Strategy, a.Scenario, a.LimitOpsPerSec, a.WaitNs, b.LimitOpsPerSec, b.WaitNs)
		}
		for k := range a.Trials {
			x, y := a.Trials[k], b.Trials[k]
			if x.Order != y.Order || x.Block != y.Block || x.Visits != y.Visits && a.Strategy != "noop" || x.Audit.OK != y.Audit.OK ||
				(x.Audit.Recorded == nil) != (y.Audit.Recorded == nil) || len(x.Operations) != len(y.Operations) ||
				(x.Locks.HoldNs > 0) != (y.Locks.HoldNs > 0) || (x.BytesPerSession > 0) != (y.BytesPerSession > 0) {
				t.Errorf("%s (%s), trial %d: %+v\nand elsewhere %+v", a.Strategy, a.Scenario, k, x, y)
			}
			if _, err := result.DecodeHistogram(y.Histogram); err != nil {
				t.Errorf("%s (%s), trial %d: %v", a.Strategy, a.Scenario, k, err)
			}
		}
	}
}

// TestFatalTaskStrikesOneRow: the trials before it stay, no further ones follow, and the other rows are whole.
func TestFatalTaskStrikesOneRow(t *testing.T) {
	for _, row := range []struct {
		why  string
		when Task // the first such task is fatal
		want int  // trials of the struck row
	}{
		{"in the first trial", Task{Kind: TrialTask, Subject: 1}, 1},
		{"in preparation, of which no trial needs to follow", Task{Kind: AloneTask, Subject: 1}, 1},
	} {
		cfg := abroad(t)
		cfg.Scenarios = cfg.Scenarios[:1]
		do := elsewhere(t, cfg)
		fatal := 0
		cfg.Executor = func(ctx context.Context, task Task, on Callbacks) (Outcome, error) {
			if task == row.when {
				fatal++
				return Outcome{Violation: &Violation{Kind: "crash", Detail: "fatal error", Final: true}}, nil
			}
			return do(ctx, task, on)
		}
		d, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if fatal != 1 {
			t.Errorf("%s: performed %d times: want once", row.why, fatal)
		}
		for i, r := range d.Results {
			failed := slices.ContainsFunc(r.Trials, func(t result.Trial) bool { return len(t.Audit.Violations) > 0 })
			if failed != (i == 1) || i != 1 && len(r.Trials) != 2 || i == 1 && len(r.Trials) != row.want {
				t.Errorf("%s: %s: %+v", row.why, r.Strategy, r.Trials)
			}
		}
	}
}

// TestExecutorErrorEndsTheRun: the trials that have finished are kept, as in a run that is interrupted.
func TestExecutorErrorEndsTheRun(t *testing.T) {
	cfg := abroad(t)
	do := elsewhere(t, cfg)
	broken := errors.New("broken pipe")
	cfg.Executor = func(context.Context, Task, Callbacks) (Outcome, error) { return Outcome{}, broken }
	if d, err := Run(t.Context(), cfg); d != nil || !errors.Is(err, broken) {
		t.Errorf("%+v, error %v: want %v", d, err, broken)
	}
	finished := func(d *result.Document) (n int) {
		for _, r := range d.Results {
			n += len(r.Trials)
		}
		return n
	}
	trials := 0
	cfg.Executor = func(ctx context.Context, task Task, on Callbacks) (Outcome, error) {
		if task.Kind == TrialTask {
			if trials++; trials > 2 {
				return Outcome{}, broken
			}
		}
		return do(ctx, task, on)
	}
	failed, err := Run(t.Context(), cfg)
	if !errors.Is(err, broken) || failed == nil || !failed.Interrupted || failed.Failure != "broken pipe" || finished(failed) != 2 {
		t.Fatalf("%+v, error %v: want two trials and a failure", failed, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	trials = 0
	cfg.Executor = func(ctx context.Context, task Task, on Callbacks) (Outcome, error) {
		if task.Kind == TrialTask {
			if trials++; trials > 2 {
				cancel()
				return Outcome{}, context.Cause(ctx)
			}
		}
		return do(ctx, task, on)
	}
	d, err := Run(ctx, cfg)
	if !errors.Is(err, context.Canceled) || d == nil || !d.Interrupted {
		t.Fatalf("%+v, error %v: want an interrupted document", d, err)
	}
	if n := finished(d); n != 2 || d.Failure != "" {
		t.Errorf("%d trials, failure %q: want the 2 that were finished, and no failure", n, d.Failure)
	}
}

// The outcome of a store that hangs says that goroutines are left inside it.
func TestOutcomeOfAHangReportsGoroutinesLeftBehind(t *testing.T) {
	s := small(t, "hundred-users")
	s.Iterations, s.Hold = 1, 0
	release := make(chan struct{})
	defer close(release)
	stuck := bend(func(b *bent) {
		b.update = func(context.Context, manager.ID, func(context.Context, *manager.Session) error) error {
			<-release
			return nil
		}
	})
	w := NewWorker(Config{Subjects: []Subject{stuck}, Scenarios: []scenarios.Scenario{s}, Seed: 1, Patience: 50 * time.Millisecond})
	out, err := w.Do(t.Context(), Task{Kind: TrialTask}, Callbacks{})
	if err != nil || !out.Behind || out.Violation == nil || out.Violation.Kind != "hang" || out.Violation.Final {
		t.Errorf("%+v, error %v: want a hang that leaves a goroutine behind", out, err)
	}
	for _, wrong := range []Task{{Kind: TrialTask, Subject: 1}, {Kind: TrialTask, Scenario: 1}, {Kind: TrialTask, Subject: -2}, {Kind: "nap"}} {
		if _, err := w.Do(t.Context(), wrong, Callbacks{}); err == nil {
			t.Errorf("%+v: performed", wrong)
		}
	}
}
