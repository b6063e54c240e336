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
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies/redis"
)

// runOptions are the options of `run`.
type runOptions struct {
	common

	targetOptions
	joinOptions

	Scenarios []string
	Baseline  string

	Duration time.Duration
	Seed     uint64
	settings []*runSetting

	Trace      string
	Log        trace.Options
	traceSpeed *value
	speed      float64 // 0: as fast as possible

	Runs   int
	Warmup time.Duration
	Record int // one session in so many; 0: none

	Thresholds   []string
	thresholds   []judge.Threshold // Thresholds, parsed
	SaveBaseline string

	opener targetOpener        // opens what is driven besides stores
	child  *measure.Supervisor // the opener, if a child process measures; nil: this process does
}

func newRunCmd(a *app) *cobra.Command {
	o := &runOptions{common: common{app: a}}
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
  sessbench run -S global,redis --redis-url redis://localhost:6379`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.configure(c); err != nil {
				return err
			}
			o.keepShared(c.Flags())
			return o.run(c.Context())
		},
	}
	addGroups(c, o.whatFlags(), o.targetFlags(a), o.joinFlags(), o.usersFlags(), o.traceFlags(), o.trialFlags(), o.afterwardsFlags(), o.outputFlags(wordsOf(reports.All())))
	return c
}

func (o *runOptions) whatFlags() flagGroup {
	fs := newFlagGroup("What to run")
	o.addStrategyFlags(fs)
	fs.StringArrayVarP(&o.Scenarios, "scenario", "s", []string{scenarios.Default}, "`NAMES` of scenarios, a,b or all")
	fs.complete["scenario"] = listOf(scenarioWords)
	o.addParamFlag(fs)
	fs.StringVar(&o.Baseline, "baseline-strategy", "global",
		"baseline strategy, `NAME` or none; it always runs")
	fs.complete["baseline-strategy"] = oneOf(func() []string { return append(strategyWords(o.strategies()), "none\tno baseline, no ratios") })
	return fs
}

func (o *runOptions) traceFlags() flagGroup {
	fs := newFlagGroup("Recorded traffic instead of a scenario")
	fs.StringVar(&o.Trace, "trace", "", "log to replay, `FILE`, plain or gzip")
	addLogFlags(fs.FlagSet, &o.Log)
	o.traceSpeed = into(speedMax, setting.Parser[float64]{Kind: "speed", Read: parseSpeed}, &o.speed)
	fs.Var(o.traceSpeed, "trace-speed", "speed of the replay, `max|60x`: as fast as possible, or 60 times the log's speed")
	fs.own("trace")
	return fs
}

func (o *runOptions) trialFlags() flagGroup {
	fs := newFlagGroup("Trials")
	o.Runs = runner.DefaultRuns
	fs.VarP(into(fmt.Sprint(o.Runs), setting.Count(1, maxRuns), &o.Runs), "runs", "r",
		fmt.Sprintf("trials per strategy, `N`; intervals need %d", stats.MinSamples))
	o.addWarmupFlag(fs, runner.DefaultWarmup.String(), "unmeasured `TIME` before each window")
	o.addRecordFlag(fs)
	return fs
}

func (o *runOptions) afterwardsFlags() flagGroup {
	fs := newFlagGroup("Result")
	o.addThresholdFlag(fs)
	fs.StringVar(&o.SaveBaseline, "save-baseline", "",
		"`NAME` under which the result is kept in "+baselinesDir+", unless interrupted or violated")
	fs.complete["save-baseline"] = oneOf(baselineNames)
	fs.own("save-baseline")
	return fs
}

// run runs the command. Every check of the settings precedes the first measurement.
func (o *runOptions) run(ctx context.Context) (err error) {
	if err := o.checkReplay(); err != nil {
		return err
	}
	cfg, err := o.config()
	if err != nil {
		return err
	}
	if err := o.checkSaveBaseline(); err != nil {
		return err
	}
	o.addInput("trace", o.Trace)
	o.reads = append(o.reads, o.targetOptions.files(o.from(targetFlag))...)
	if o.Part != "" {
		o.writes = append(o.writes, namedFile{o.from("save-part") + " " + quoted(o.Part), o.Part})
	}
	if err := o.settleOutputs(); err != nil {
		return err
	}
	if err := o.checkRedis(); err != nil {
		return err
	}
	if err := o.commit(); err != nil {
		return err
	}
	if err := o.checkJoin(cfg.Scenarios); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.leave(ctx, err)) }()
	var tape *trace.Tape
	if o.Trace != "" {
		if tape, err = trace.NewTape(""); err != nil {
			return err
		}
		defer tape.Close()
	}
	o.setOpener(tape)
	defer func() { err = errors.Join(err, o.opener.Close()) }()
	if err := o.openSubjects(ctx, &cfg); err != nil {
		return err
	}
	if err := o.matchThresholds(cfg.Subjects, cfg.Scenarios); err != nil {
		return err
	}
	var traffic *result.Traffic
	if o.Trace != "" {
		log, err := openLog(ctx, o.Trace, o.Log)
		if ctx.Err() != nil {
			return errInterrupted
		}
		if err != nil {
			return usagef("%s %s: %w", o.from("trace"), quoted(o.Trace), err)
		}
		defer log.Close()
		defer context.AfterFunc(ctx, func() { log.Close() })() // a reader of lines that no row is in does not look at ctx
		if traffic, err = o.compile(ctx, log, cfg.Scenarios[0].Users, tape); err != nil {
			return err
		}
		cfg.Traffic = tape
		cfg.Scenarios[0].Sessions = int(traffic.Sessions)
	}
	if o.client != nil {
		if err := o.joinOthers(ctx, &cfg); err != nil {
			return err
		}
	}
	if o.Runs < stats.MinSamples {
		o.note("%d of at least %d trials: medians will have no intervals", o.Runs, stats.MinSamples)
	}
	return o.measure(ctx, cfg, traffic)
}

// targetOpener opens the targets of a run, in this process or in a child.
type targetOpener interface {
	OpenTargets(context.Context, measure.Targets) ([]measure.Target, error)
	OpenSubjects(ctx context.Context, cfg *runner.Config, server redis.Options, protocol bool) error
	Close() error
}

// setOpener decides where the trials are performed: in a child process, if this program can start itself. A participant of a
// distributed run measures in its own process, because the others wait for it at each start of a trial.
func (o *runOptions) setOpener(tape *trace.Tape) {
	o.opener = &measure.Local{}
	if o.client == nil && o.ownStreams() {
		o.child = measure.New(measure.Options{Stderr: o.err, Note: o.note, Quiet: o.Quiet, Tape: tape})
		o.opener = o.child
	}
}

// openSubjects resolves --strategy and --target, and opens what is not opened for each trial. The caller closes o.opener,
// also after an error.
func (o *runOptions) openSubjects(ctx context.Context, cfg *runner.Config) error {
	if err := o.targetOptions.parse(o.from("target")); err != nil {
		return err
	}
	if len(o.specs) > 0 && o.Record > 0 {
		return usagef("%s: not with %s: want sessbench verify --target, which records everything", o.from("record"), o.from("target"))
	}
	for i := range cfg.Scenarios {
		o.redis.Users = max(o.redis.Users, cfg.Scenarios[i].Users)
	}
	list, err := o.chosenBesideTargets()
	if err != nil {
		return err
	}
	taken := mapped(list, labelOf)
	if _, known := o.strategy(o.Baseline); known { // it runs, too
		taken = append(taken, o.Baseline)
	}
	programs, err := o.opener.OpenTargets(ctx, measure.Targets{Specs: o.Targets, Timeout: o.Timeout, Users: o.redis.Users})
	if err != nil {
		return err
	}
	for _, p := range programs {
		if p.Note != "" {
			o.note("%s", p.Note)
		}
	}
	if cfg.Subjects, err = o.settledSubjects(append(list, o.targetSubjects(programs, taken)...)); err != nil {
		return err
	}
	if err := o.settleRedis(cfg.Subjects, cfg.Scenarios); err != nil {
		return err
	}
	if err := o.opener.OpenSubjects(ctx, cfg, o.redis, len(programs) > 0); err != nil {
		return err
	}
	return fit(o.from("target"), cfg.Subjects, cfg.Scenarios)
}

// config returns the configuration of the trials, without their subjects.
func (o *runOptions) config() (runner.Config, error) {
	list, err := o.scenarios()
	return runner.Config{
		Scenarios: list, Runs: o.Runs, Warmup: o.Warmup, Window: o.Duration, Seed: o.Seed, Speed: o.speed, Record: o.Record,
	}, err
}

// scenarios returns the scenarios with the run's settings.
func (o *runOptions) scenarios() (list []scenarios.Scenario, err error) {
	if o.Trace != "" {
		list = []scenarios.Scenario{scenarios.Recorded()}
	} else if list, err = o.chosenScenarios(); err != nil {
		return nil, err
	}
	return list, o.settled(list)
}

// measure runs, writes the document to every output, and returns the error with the exit code.
func (o *runOptions) measure(ctx context.Context, cfg runner.Config, traffic *result.Traffic) error {
	doc, err := o.document(ctx, cfg, traffic)
	if o.participant != nil {
		doc, err = o.finish(ctx, doc, err)
	}
	if doc == nil {
		return err
	}
	written := o.write(inFormat(reports.All(), doc))
	if o.participant != nil {
		written = errors.Join(err, written, o.conclude(ctx, doc, written))
	}
	return verdict(doc, errors.Join(written, o.saveBaseline(doc)), append(findingsOf(judge.Crossed(doc, o.thresholds)), o.crashes()...)...)
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
func (o *runOptions) document(ctx context.Context, cfg runner.Config, traffic *result.Traffic) (*result.Document, error) {
	if o.child != nil {
		if err := o.child.Prepare(ctx, cfg); err != nil {
			return nil, err
		}
		cfg.Executor = o.child.Perform
	}
	show := newProgress(o.err, o.Quiet)
	cfg.Progress = show.trial
	doc, err := runner.Run(ctx, cfg)
	if o.child != nil {
		o.child.Conclude(doc)
	}
	show.clear()
	if doc == nil {
		return nil, err
	}
	lost := (*runner.LostError)(nil)
	if len(doc.Results) == 0 && errors.As(err, &lost) {
		return nil, err
	}
	if len(doc.Results) == 0 {
		return nil, &exitError{exitInterrupted, fmt.Errorf("interrupted before a trial had finished: nothing is written")}
	}
	doc.Tool, doc.Config, doc.Traffic = thisTool(), o.resolved(cfg), traffic
	judge.Summarize(doc)
	return doc, nil
}

// resolved is the document's record of the settings.
func (o *runOptions) resolved(cfg runner.Config) result.Config {
	c := result.Config{
		Runs:       o.Runs,
		Command:    o.typed(),
		Targets:    mapped(o.Targets, withoutLogin),
		Strategies: mapped(cfg.Subjects, labelOf),
		Scenarios:  mapped(cfg.Scenarios, nameOf),
	}
	if i := slices.IndexFunc(cfg.Subjects, func(s runner.Subject) bool { return s.Baseline }); i >= 0 {
		c.Baseline = cfg.Subjects[i].Label
	}
	if c.Params, _ = o.commonParams(); len(c.Params) == 0 {
		c.Params = nil
	}
	if o.Trace != "" {
		c.Trace = filepath.Base(o.Trace)
	}
	o.record(&c)
	return c
}

func labelOf(s runner.Subject) string { return s.Label }
