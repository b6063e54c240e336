package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// runOptions are the options of `run`.
type runOptions struct {
	*command
	choice     strategyOptions
	work       workOptions
	targets    targetOptions
	replay     replayOptions
	join       joinOptions
	thresholds thresholdOptions
	live       liveOptions
	explain    explainOptions
	output     outputOptions

	SaveBaseline string

	sweep  *sweepOptions       // of `sweep`; nil: all trials are at one load
	opener targetOpener        // opens what is driven besides stores
	child  *measure.Supervisor // the opener, if a child process measures; nil: this process does
	show   *progress
}

func newRunOptions(a *app) *runOptions {
	c := &command{app: a}
	return &runOptions{
		command: c, choice: strategyOptions{command: c}, work: workOptions{command: c}, targets: targetOptions{command: c},
		replay: replayOptions{command: c}, join: joinOptions{command: c}, thresholds: thresholdOptions{command: c},
		live: liveOptions{command: c}, explain: explainOptions{command: c}, output: outputOptions{command: c},
	}
}

func newRunCmd(a *app) *cobra.Command {
	o := newRunOptions(a)
	c := &cobra.Command{
		Use:   "run [flags]",
		Short: "Measure strategies and programs under a scenario and print an audited before/after table",
		Long: `Run drives users through a scenario against each strategy, in interleaved trials on fresh stores, audits every trial,
and prints a table. Without flags: all strategies as the store of a chatbot with 100 users.

Stores are measured in a child process. A store that crashes it loses its own row and no other: run names it, goes on
without it, and ends with 5. Where a crash cannot be repeated with the store alone, run ends with 3.

A threshold is [[STRATEGY.]OPERATION.]METRIC, an operator and a bound, and holds for every strategy when none is named:
p99<5ms, append.p99<5ms, errors.rate<0.1%, ops_per_sec>20000; ops_per_sec>10x is ten times the before's. Where one is
crossed, run ends with 99, and with 3 where it cannot be judged.

Every flag can also stand in a file, "hold: 5ms", or in the environment, SESSBENCH_HOLD=5ms. A flag outweighs the
environment, the environment outweighs the file.`,
		Example: `  sessbench run
  sessbench run -s hundred-users -S global,per-session
  sessbench run -s all -S sharded:shards=16,sharded:shards=256 -o json=result.json -o markdown=result.md
  sessbench run --trace examples/sample.csv --trace-speed max -S all
  sessbench run -S sharded --threshold 'sharded.append.p99 < 5ms' --threshold 'sharded.ops_per_sec > 10x'
  sessbench run -s hundred-users -S global --target 'exec:python3 examples/python/server.py --lock per-session'
  sessbench run -S global,redis --redis-url redis://localhost:6379
  sessbench run -s all --live 127.0.0.1:0`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.configure(c); err != nil {
				return err
			}
			o.join.keepShared(c.Flags())
			return o.run(c.Context())
		},
	}
	addGroups(c, o.whatFlags(), o.targets.flagGroup(), o.join.flagGroup(), o.work.usersFlags(), o.replay.flagGroup(), o.work.trialFlags(), o.work.findFlags(), o.explain.flagGroup(),
		o.afterwardsFlags(), o.output.flagGroup(wordsOf(reports.All())))
	return c
}

func (o *runOptions) whatFlags() flagGroup {
	fs := newFlagGroup("What to run")
	o.choice.addFlag(fs)
	o.work.addScenarioFlag(fs)
	o.choice.addParamFlag(fs)
	o.choice.addBaselineFlag(fs)
	return fs
}

func (o *runOptions) afterwardsFlags() flagGroup {
	fs := newFlagGroup("Result")
	o.thresholds.addFlag(fs)
	fs.StringVar(&o.SaveBaseline, "save-baseline", "",
		"`NAME` under which the result is kept in "+judge.BaselinesDir+", unless interrupted or violated")
	fs.complete["save-baseline"] = oneOf(judge.BaselineNames)
	fs.own("save-baseline")
	o.live.addFlag(fs)
	return fs
}

// run runs the command. Every check of the settings precedes the first measurement.
func (o *runOptions) run(ctx context.Context) (err error) {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	if err := o.live.listen(ctx); err != nil {
		return err
	}
	defer func() { err = o.live.conclude(ctx, err) }() // after everything else
	defer func() { err = errors.Join(err, o.join.leave(ctx, err)) }()
	if err := o.replay.makeTape(); err != nil {
		return err
	}
	defer o.replay.Close()
	o.setOpener()
	defer func() { err = errors.Join(err, o.opener.Close()) }()
	if err := o.openSubjects(ctx, &cfg); err != nil {
		return err
	}
	if err := o.replay.compile(ctx, &cfg); err != nil {
		return err
	}
	if err := o.joinOthers(ctx, &cfg); err != nil {
		return err
	}
	if o.sweep != nil {
		if err := o.sweep.checkResumed(o, cfg); err != nil {
			return err
		}
	}
	if cfg.Find == nil && cfg.Runs < stats.MinSamples {
		o.note("%d of at least %d trials: medians will have no intervals", cfg.Runs, stats.MinSamples)
	}
	return o.measure(ctx, cfg)
}

// config checks the settings, and returns the configuration of the trials without their subjects.
func (o *runOptions) config() (cfg runner.Config, err error) {
	if o.sweep != nil {
		if err := o.sweep.settle(o); err != nil {
			return cfg, err
		}
		o.output.addInput(resumeFlag, o.sweep.Resume)
		cfg, err = o.sweep.scenarios(o)
	} else {
		cfg, err = o.oneLoad()
	}
	if err != nil {
		return cfg, err
	}
	if err := o.explain.configure(&cfg, &o.work, &o.join); err != nil {
		return cfg, err
	}
	if err := o.checkSaveBaseline(); err != nil {
		return cfg, err
	}
	if err := o.targets.parse(); err != nil {
		return cfg, err
	}
	o.output.addInput("trace", o.replay.Trace)
	o.output.reads = append(o.output.reads, o.targets.files()...)
	if o.join.Part != "" {
		o.output.writes = append(o.output.writes, outfile.Named{Words: o.from("save-part") + " " + quoted(o.join.Part), Path: o.join.Part})
	}
	for _, check := range []func() error{o.output.settle, o.checkRedis, o.commit} {
		if err := check(); err != nil {
			return cfg, err
		}
	}
	return cfg, o.checkJoin(cfg.Scenarios)
}

// oneLoad returns the configuration of trials that are not points of a sweep.
func (o *runOptions) oneLoad() (cfg runner.Config, err error) {
	if err := o.work.checkFind(); err != nil {
		return cfg, err
	}
	if err := o.replay.check(&o.work); err != nil {
		return cfg, err
	}
	return o.work.config(o.replay.Trace != "")
}

// targetOpener opens the targets of a run, in this process or in a child.
type targetOpener interface {
	OpenTargets(context.Context, measure.Targets) ([]measure.Target, error)
	OpenSubjects(ctx context.Context, cfg *runner.Config, server redis.Options, protocol bool) error
	Close() error
}

// setOpener decides where the trials are performed: in a child process, if this program can start itself. A participant of a
// distributed run measures in its own process, because the others wait for it at each start of a trial.
func (o *runOptions) setOpener() {
	o.opener = &measure.Local{}
	o.show = newProgress(o.err, o.Quiet)
	if o.join.client == nil && o.ownStreams() {
		o.child = measure.New(measure.Options{Stderr: o.show.aside(), Note: o.noteAside, Quiet: o.Quiet, Tape: o.replay.tape})
		o.opener = o.child
	}
}

// noteAside writes a note while progress is shown.
func (o *runOptions) noteAside(format string, args ...any) {
	_, _ = o.show.aside().Write(nil)
	o.note(format, args...)
}

// openSubjects resolves --strategy and --target, opens what is not opened for each trial, and matches --threshold with all. The
// caller closes o.opener, also after an error.
func (o *runOptions) openSubjects(ctx context.Context, cfg *runner.Config) error {
	if len(o.targets.specs) > 0 && cfg.Record > 0 {
		return usagef("%s: not with %s: want sessbench verify --target, which records everything", o.from("record"), o.from(targetFlag))
	}
	for i := range cfg.Scenarios {
		o.redis.Users = max(o.redis.Users, cfg.Scenarios[i].Concurrency(true))
	}
	length := time.Duration(len(cfg.Scenarios)*cfg.Runs) * (cfg.Warmup + cfg.Window)
	switch {
	case cfg.Find != nil:
		length = cfg.Find.Budget
	case o.sweep != nil:
		length = o.sweep.Budget
	}
	o.targets.announce(o.redis.Users, length)
	list, err := o.choice.beside(o.targets.Targets)
	if err != nil {
		return err
	}
	taken := mapped(list, labelOf)
	if _, known := o.strategy(o.choice.Baseline); known { // it runs, too
		taken = append(taken, o.choice.Baseline)
	}
	programs, err := o.opener.OpenTargets(ctx, measure.Targets{Specs: o.targets.Targets, Timeout: o.targets.Timeout, Users: o.redis.Users, AllowRemote: o.targets.AllowRemote})
	if errors.Is(err, scenarios.ErrUnsupported) {
		return usagef("%s %w", o.from(targetFlag), err)
	}
	if err != nil {
		return err
	}
	for _, p := range programs {
		if p.Note != "" {
			o.note("%s", p.Note)
		}
	}
	if cfg.Subjects, err = o.choice.settled(append(list, o.targets.subjects(programs, taken)...)); err != nil {
		return err
	}
	if o.sweep != nil {
		if err := o.sweep.expand(cfg); err != nil {
			return err
		}
	}
	if err := o.settleRedis(cfg.Subjects, cfg.Scenarios); err != nil {
		return err
	}
	if err := o.opener.OpenSubjects(ctx, cfg, o.redis, o.targets.programs()); err != nil {
		return err
	}
	if err := o.targets.fit(cfg.Subjects, cfg.Scenarios); err != nil {
		return err
	}
	return o.thresholds.match(cfg.Subjects, cfg.Scenarios, o.replay.Trace != "")
}

// measure runs, writes the document to every output, and returns the error with the exit code.
func (o *runOptions) measure(ctx context.Context, cfg runner.Config) error {
	doc, err := o.document(ctx, cfg)
	if o.join.participant != nil {
		doc, err = o.join.finish(ctx, doc, err)
	}
	if doc == nil {
		return err
	}
	o.live.doc = doc
	written := o.output.write(inFormat(reports.All(), doc))
	if o.join.participant != nil {
		written = errors.Join(err, written, o.join.conclude(ctx, doc, written))
	}
	return verdict(doc, errors.Join(written, o.saveBaseline(doc)), append(findingsOf(judge.Crossed(doc, o.thresholds.bounds)), o.crashes()...)...)
}

// crashes are the findings about crashes that are not attributed to a store.
func (o *runOptions) crashes() (found []finding) {
	if o.child != nil {
		for _, text := range o.child.Inconclusive() {
			found = append(found, finding{exitInconclusive, text})
		}
	}
	return found
}

// document runs, and completes the document. It is nil if there is nothing to report, with an error that says why.
func (o *runOptions) document(ctx context.Context, cfg runner.Config) (*result.Document, error) {
	cfg.Progress = o.show.trial
	if (o.show.log || o.show.screen) && o.sweep == nil { // whose trials are short, and each of another point
		cfg.Live = o.show.live
	}
	describe := func(d *result.Document) {
		d.Tool, d.Config, d.Traffic = thisTool(), o.resolved(cfg), o.replay.traffic
		o.explain.record(d)
	}
	o.live.follow(&cfg, describe)
	if o.child != nil {
		if err := o.child.Prepare(ctx, cfg); err != nil {
			return nil, err
		}
		cfg.Executor = o.child.Perform
	}
	doc, err := runner.Run(ctx, cfg)
	if o.child != nil {
		o.child.Conclude(doc)
	}
	o.show.clear()
	lost := (*runner.LostError)(nil)
	switch {
	case doc == nil, len(doc.Results) == 0 && errors.As(err, &lost):
		return nil, err
	case len(doc.Results) == 0:
		return nil, &exitError{exitInterrupted, fmt.Errorf("interrupted before a trial had finished: nothing is written")}
	}
	describe(doc)
	judge.Summarize(doc)
	judge.SummarizeSweep(doc)
	return doc, nil
}

// resolved is the document's record of the settings.
func (o *runOptions) resolved(cfg runner.Config) result.Config {
	c := result.Config{
		Runs:       cfg.Runs,
		Command:    o.typed(),
		Targets:    mapped(o.targets.Targets, withoutLogin),
		Strategies: mapped(cfg.Subjects, labelOf),
		Scenarios:  mapped(cfg.Scenarios, nameOf),
	}
	if i := slices.IndexFunc(cfg.Subjects, func(s runner.Subject) bool { return s.Baseline }); i >= 0 {
		c.Baseline = cfg.Subjects[i].Label
	}
	if c.Params, _ = o.choice.commonParams(); len(c.Params) == 0 {
		c.Params = nil
	}
	if o.replay.Trace != "" {
		c.Trace = filepath.Base(o.replay.Trace)
	}
	if cfg.Sweep != nil {
		c.Scenarios, c.Strategies = []string{cfg.Sweep.Scenario}, distinct(c.Strategies)
	}
	o.work.record(&c)
	return c
}

func labelOf(s runner.Subject) string { return s.Label }
