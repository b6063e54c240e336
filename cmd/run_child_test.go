package cmd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// measured runs some of crashingStores in child processes.
func measured(t *testing.T, ctx context.Context, names string, change func(*runner.Config)) (*result.Document, error) {
	t.Helper()
	return measuredAs(t, ctx, names, change, func(*runner.Config) {})
}

// measuredAs is measured with a configuration that after changes when the child has been sent it.
func measuredAs(t *testing.T, ctx context.Context, names string, change, after func(*runner.Config)) (*result.Document, error) {
	t.Helper()
	o := strategyOptions{command: &command{app: newApp(crashingStores()), Quiet: true}, Strategies: []string{names}, Baseline: "none"}
	s, err := scenarios.Lookup("chatbot")
	if err != nil {
		t.Fatal(err)
	}
	short := *s
	short.Users, short.Sessions, short.Hold, short.Iterations = 4, 20, 0, 100
	cfg := runner.Config{Scenarios: []scenarios.Scenario{short}, Runs: 2, Seed: 1}
	if cfg.Subjects, err = o.subjects(); err != nil {
		t.Fatal(err)
	}
	m := measure.New(measure.Options{Stderr: o.err, Note: o.note, Quiet: true})
	cfg.Executor = m.Perform
	if change != nil {
		change(&cfg)
	}
	if err := errors.Join(m.OpenSubjects(ctx, &cfg, o.redis, false), m.Prepare(ctx, cfg)); err != nil {
		t.Fatal(err)
	}
	after(&cfg)
	d, err := runner.Run(ctx, cfg)
	m.Conclude(d)
	if closed := m.Close(); closed != nil {
		t.Error(closed)
	}
	return d, err
}

// TestMeasuringLeavesNothingBehind: no goroutine, and no process, whether stores crash or not.
func TestMeasuringLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, err := measured(t, t.Context(), "exiting,cow", nil)
	if err != nil || len(d.Results) != 2 {
		t.Fatalf("%+v, error %v", d, err)
	}
	if r := d.Results[0]; len(r.Trials) != 1 || r.Trials[0].Audit.OK || r.Trials[0].Audit.Violations[0].Kind != "crashed the process" {
		t.Errorf("%+v: want one trial, struck", r.Trials)
	}
	if r := d.Results[1]; len(r.Trials) != 2 || !r.Trials[0].Audit.OK || !r.Trials[1].Audit.OK || r.Note != "" {
		t.Errorf("%+v: want two trials", r)
	}
}

// TestAHangIsFoundInAChild by the absence of progress, as in this process: that the child waits for its parent is no progress.
func TestAHangIsFoundInAChild(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d, err := measured(t, t.Context(), "hanging,cow", func(cfg *runner.Config) { cfg.Patience = 3 * time.Second })
	if err != nil {
		t.Fatal(err)
	}
	if r := d.Results[0]; len(r.Trials) != 1 || len(r.Trials[0].Audit.Violations) != 1 || r.Trials[0].Audit.Violations[0].Kind != "hang" {
		t.Errorf("%+v: want one trial, which hangs", r.Trials)
	}
	if r := d.Results[1]; len(r.Trials) != 2 || !r.Trials[0].Audit.OK || !r.Trials[1].Audit.OK {
		t.Errorf("%+v: want two trials", r)
	}
}

// TestAnInterruptedChildIsGone, and the trials that had finished are there.
func TestAnInterruptedChildIsGone(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	ctx, cancel := context.WithCancel(t.Context())
	d, err := measured(t, ctx, "cow", func(cfg *runner.Config) {
		cfg.Runs = 1000
		do := cfg.Executor
		trials := 0
		cfg.Executor = func(ctx context.Context, task runner.Task, on runner.Callbacks) (runner.Outcome, error) {
			if task.Kind == runner.TrialTask {
				if trials++; trials == 3 {
					cancel()
				}
			}
			return do(ctx, task, on)
		}
	})
	if !errors.Is(err, context.Canceled) || !d.Interrupted || len(d.Results) != 1 || len(d.Results[0].Trials) != 2 {
		t.Errorf("%+v, error %v: want two trials and an interruption", d, err)
	}
}

// TestOwnStreams: a caller with streams of its own may be a test, which cannot be started again.
func TestOwnStreams(t *testing.T) {
	if !newApp(nil).ownStreams() || newApp([]Option{WithIO(os.Stdin, &bytes.Buffer{}, os.Stderr)}).ownStreams() {
		t.Error("it is the other way round")
	}
}
