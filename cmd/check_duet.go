package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/duet"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports/result"
)

// The arms of a duet, in the order of their documents.
const (
	oldArm = iota
	copyArm
	newArm
)

// duet measures old, its copy and new in a duet, and judges.
func (o *checkOptions) duet(ctx context.Context) (*judge.Check, error) {
	gated, err := o.gated()
	if err != nil {
		return nil, err
	}
	if !o.given("gate") { // the default has the metrics of both kinds of loop
		open := o.run.work.open()
		gated = slices.DeleteFunc(gated, func(name string) bool {
			m := metric.Named(name)
			return m.Open && !open || m.Given && open
		})
	}
	rows, longest, err := o.rows()
	if err != nil {
		return nil, err
	}
	least := stats.LeastSamples(judge.FalseAlarmRate / float64(len(gated)*len(rows)))
	if o.rule.Pairs < least {
		return nil, usagef("%s %d: too few for a verdict: want %[6]d or more for %[3]d comparisons (%[4]d metrics × %[5]d rows)",
			o.from("pairs"), o.rule.Pairs, len(gated)*len(rows), len(gated), len(rows), (least+5)/6*6)
	}
	cfg, remove, err := o.newDuet(ctx, rows, true)
	if err != nil {
		return nil, err
	}
	defer remove()
	cfg.Patience = duet.DefaultPatience + time.Duration(2*len(cfg.Arms))*(o.run.work.Warmup+longest)
	if c, err := o.plan(ctx, cfg, gated, least); c != nil || err != nil {
		return c, err
	}
	cfg.Blocks = o.rule.Pairs
	docs, err := o.runDuet(ctx, cfg, 6) // one line per block would fill a log
	if docs == nil {
		return nil, o.duetError(ctx, err)
	}
	return o.duetCheck(docs, gated)
}

// newDuet begins a duet of the rows between this build and the older one, of which there is a second copy if twice is set. remove
// removes the builds.
func (o *checkOptions) newDuet(ctx context.Context, rows []duet.Row, twice bool) (cfg duet.Config, remove func(), err error) {
	if err := o.commit(); err != nil {
		return cfg, nil, err
	}
	dir, err := os.MkdirTemp("", "sessbench-check-")
	if err != nil {
		return cfg, nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	cfg = duet.Config{Rows: rows, Seed: o.run.work.Seed, Name: filepath.Base(os.Args[0])}
	if cfg.Arms, err = o.arms(ctx, dir, twice); err != nil {
		remove()
	}
	return cfg, remove, err
}

// runDuet measures, and shows the progress after every so many blocks.
func (o *checkOptions) runDuet(ctx context.Context, cfg duet.Config, every int) ([]*result.Document, error) {
	show := newProgress(o.err, o.Quiet)
	defer show.clear()
	cfg.Progress = func(s duet.Step) {
		if s.Row != "" || s.Block%every == 0 {
			show.trial(runner.Step{Scenario: "duet", Label: s.Next(), Block: s.Block, Blocks: cfg.Blocks, Done: s.Done, Trials: s.Trials})
		}
	}
	return duet.Run(ctx, cfg)
}

// duetCheck judges the documents of the three arms.
func (o *checkOptions) duetCheck(docs []*result.Document, gated []string) (*judge.Check, error) {
	for _, d := range docs {
		judge.Summarize(d)
	}
	c, err := judge.CheckDuet(judge.Duet{
		Old: docs[oldArm], Copied: docs[copyArm], Fresh: docs[newArm],
		OldLabel: "old", NewLabel: "new", OldFile: cmp.Or(o.baseline.AgainstRef, o.baseline.Against), NewFile: "this build",
		Gating: o.gating(gated, checkEffect), Planned: o.rule.Pairs, Tolerance: o.rule.Tolerance, Interrupted: docs[newArm].Interrupted,
	})
	return c, o.judgeError(err)
}

// rows returns what the processes measure with the defaults of a duet, each row one strategy under one scenario, and how long a trial
// takes at most.
func (o *checkOptions) rows() (rows []duet.Row, longest time.Duration, err error) {
	if err := errors.Join(o.otherwise("strategy", strings.Join(o.defaultStores(), ",")), o.otherwise("warmup", checkWarmup.String()),
		o.otherwise("hold", "0s")); err != nil {
		return nil, 0, err
	}
	if !slices.ContainsFunc([]string{"iterations", "rate", "stage"}, o.given) { // loads have windows of their own
		if err := o.otherwise("duration", checkWindow.String()); err != nil {
			return nil, 0, err
		}
	}
	return o.rowsOf()
}

// defaultStores are the stores that are checked without --strategy.
func (o *checkOptions) defaultStores() []string {
	if stores := namesOf(o.own()); stores != nil {
		return stores
	}
	return []string{"per-session", "sharded"}
}

// rowsOf is rows with the settings as they are.
func (o *checkOptions) rowsOf() (rows []duet.Row, longest time.Duration, err error) {
	given, err := o.run.choice.chosen()
	if err != nil {
		return nil, 0, err
	}
	subjects, err := o.run.choice.labelled(given)
	if err != nil {
		return nil, 0, err
	}
	cfg, err := o.run.work.config(false)
	if err != nil {
		return nil, 0, err
	}
	for _, s := range cfg.Scenarios {
		longest = max(longest, 2*cmp.Or(cfg.Window, runner.WindowOf(&s))) // with the drain of a load
		var turns []string
		if duet.Sliced(s) {
			turns = []string{"--turns", duet.TimeSlice(s).String()}
		}
		for i, subject := range subjects {
			rows = append(rows, duet.Row{
				Label:  subject.Label + " (" + s.Name + ")",
				Name:   subject.Label,
				Args:   slices.Concat([]string{"sample"}, o.strategyArgs(given[i]), o.run.work.scenarioArgs(&s), turns),
				Sliced: duet.Sliced(s),
			})
		}
	}
	return rows, longest, o.run.thresholds.match(subjects, cfg.Scenarios, false)
}

// strategyArgs are the flags that select a subject. Parameters that were not set keep the default of each build.
func (o *checkOptions) strategyArgs(subject runner.Subject) []string {
	args := []string{"--strategy", subject.Label}
	_, own, _ := strings.Cut(subject.Label, ":")
	common, _ := o.run.choice.commonParams() // checked
	for _, name := range slices.Sorted(maps.Keys(common)) {
		if subject.Strategy.HasParam(name) && !strings.Contains(","+own, ","+name+"=") {
			args = append(args, "--param", name+"="+common[name])
		}
	}
	return args
}

// arms copies the binaries to dir, twice the older one for a duet, under names of equal length: the name of its file is on a process's
// stack, so its length shifts the stack.
func (o *checkOptions) arms(ctx context.Context, dir string, twice bool) ([]duet.Arm, error) {
	arms := []duet.Arm{
		oldArm:  {Label: "old", Path: filepath.Join(dir, "old")},
		copyArm: {Label: "the copy of old", Path: filepath.Join(dir, "twi")},
		newArm:  {Label: "new", Path: filepath.Join(dir, "new")},
	}
	if o.baseline.AgainstRef != "" {
		o.note("building %s", o.baseline.AgainstRef)
		err := duet.Build(ctx, o.baseline.AgainstRef, dir, arms[oldArm].Path)
		if bad := (*duet.RefError)(nil); errors.As(err, &bad) {
			code := exitIncomparable
			if bad.NoCommit {
				code = exitUsage
			}
			err = &exitError{code, fmt.Errorf("%s %s: %w", o.from("against-ref"), quoted(o.baseline.AgainstRef), err)}
		}
		if err != nil {
			return nil, err
		}
	} else if err := duet.Copy(o.baseline.Against, arms[oldArm].Path); err != nil {
		return nil, usagef("%s %w", o.from("against"), err)
	}
	self, err := child.Executable()
	if err == nil {
		err = duet.Copy(self, arms[newArm].Path)
	}
	if !twice {
		return slices.Delete(arms, copyArm, copyArm+1), err
	}
	return arms, errors.Join(err, duet.Copy(arms[oldArm].Path, arms[copyArm].Path))
}

// plan measures one block that does not count. It shows whether the builds measure the same, warms file caches, and shows how
// many pairs fit into the budget. Where a store fails its audit, plan returns the check.
func (o *checkOptions) plan(ctx context.Context, cfg duet.Config, gated []string, least int) (*judge.Check, error) {
	cfg.Blocks = 1
	start := time.Now()
	docs, err := duet.Run(ctx, cfg)
	if err != nil {
		return nil, o.duetError(ctx, err)
	}
	took := time.Since(start)
	c, err := o.duetCheck(docs, gated)
	if err != nil || c.Verdict == judge.Violated {
		return c, err
	}
	if o.rule.Budget > 0 {
		if o.rule.Pairs = int(o.rule.Budget/took) / 6 * 6; o.rule.Pairs < least {
			return nil, usagef("%s %v: too little for a verdict: %d pairs take %v", o.from("budget"), o.rule.Budget,
				(least+5)/6*6, (took * time.Duration((least+5)/6*6)).Round(time.Second))
		}
		o.rule.Pairs = min(o.rule.Pairs, maxPairs)
	}
	o.note("%d pairs of %d rows, about %v", o.rule.Pairs, len(cfg.Rows), (took * time.Duration(o.rule.Pairs)).Round(time.Second))
	return nil, nil
}

// duetError explains why a process gave no sample. A build that rejects flags that this one accepts is not comparable.
func (o *checkOptions) duetError(ctx context.Context, err error) error {
	var failed *duet.Error
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errors.New("interrupted before a pair was complete: nothing is written")}
	case errors.As(err, &failed) && failed.Code == exitUsage && !failed.Crashed:
		why := "the builds accept different commands or flags"
		if o.rule.AtRate != "" {
			why += "; --at-rate needs an older build with run --rate"
		}
		return &exitError{exitIncomparable, fmt.Errorf("check: not comparable: %w (%s)", err, why)}
	}
	return fmt.Errorf("check: %w", err)
}
