package cmd

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/stats"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// sweepOptions are the options of `sweep`, besides those that it has in common with `run`.
type sweepOptions struct {
	*command
	Over   string
	Budget time.Duration
	Resume string

	axis    *axis            // that Over names
	points  []axisPoint      // ascending
	resumed *result.Document // that Resume names; nil: none
}

const (
	overFlag   = "over"
	resumeFlag = "resume"
)

func newSweepCmd(a *app) *cobra.Command {
	run := newRunOptions(a)
	o := &sweepOptions{command: run.command, Budget: runner.DefaultSweepBudget}
	run.sweep = o
	c := &cobra.Command{
		Use:   "sweep --over SETTING=VALUES [flags]",
		Short: "Vary a setting and find where strategies overtake each other and stop scaling",
		Long: `Sweep measures each strategy at each value of a setting, and answers: from which value on is which strategy better, where
does it stop scaling, and what limits it there? The trials of all strategies at all values are interleaved, and audited as those of run.

--over SETTING=VALUES has a list of values and ranges: 1,2,4..1024. A range A..B doubles from A on, A, 2A, 4A and so on, and
ends with B. A setting is a numeric flag of run (users, sessions, hold, think, rate, ...), zipf (the exponent of --keys zipf:S),
gomaxprocs, or a parameter of a strategy, such as shards.

The sweep ends within --budget. Trials get shorter for it, at most --duration long, so that there are --runs blocks, each with one
trial of each strategy at each value. Where they would be too short, there are fewer blocks, and without six blocks no intervals.

After Ctrl-C the trials that have ended are written. --resume FILE goes on with them: settings that are not given are those of the
file, others must be equal.

Exit codes: 0 fine, 3 inconclusive, 5 a store failed its audit, 4 --resume of another sweep, 2 bad usage, 1 could not run, 130
interrupted.`,
		Example: `  sessbench sweep --over users=1..1024 -S global,sharded,per-session
  sessbench sweep --over hold=0s,10us..10ms -S global,per-session -o html=sweep.html
  sessbench sweep --over shards=1..256 -S sharded,per-session -o json=sweep.json
  sessbench sweep --resume sweep.json -o json=all.json
  sessbench compare old-sweep.json new-sweep.json`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := run.configure(c); err != nil {
				return err
			}
			return run.run(c.Context())
		},
	}
	addGroups(c, o.flagGroup(run), run.whatFlags(), run.targets.flagGroup(), run.work.usersFlags(), o.trialFlags(run), run.liveFlags(),
		run.output.flagGroup(wordsOf(reports.All())))
	c.Flags().Lookup("duration").Usage = fmt.Sprintf("longest measured `TIME` of a trial (default %v, none with --iterations)", runner.DefaultWindow)
	return c
}

func (o *sweepOptions) flagGroup(run *runOptions) flagGroup {
	fs := newFlagGroup("What to vary")
	fs.StringVar(&o.Over, overFlag, "", "`SETTING=VALUES`: users=1,2,4..1024")
	fs.complete[overFlag] = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return mapped(run.axes(), func(a axis) string { return a.name + "=\t" + a.doc }), cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	fs.Var(into(o.Budget.String(), setting.Duration(time.Second, 24*time.Hour), &o.Budget), "budget", "`TIME` of the whole sweep")
	fs.StringVar(&o.Resume, resumeFlag, "", "go on with the sweep that was interrupted, whose JSON is in `FILE`")
	return fs
}

func (o *sweepOptions) trialFlags(run *runOptions) flagGroup {
	fs := newFlagGroup("Trials")
	run.work.addRunsFlag(fs, fmt.Sprint(runner.DefaultRuns), fmt.Sprintf("trials per strategy and value, `N`; intervals need %d", stats.MinSamples))
	run.work.addWarmupFlag(fs, runner.DefaultWarmup.String(), "unmeasured `TIME` before each window")
	run.work.addRecordFlag(fs)
	return fs
}

// liveFlags are the flags of the page about a sweep.
func (o *runOptions) liveFlags() flagGroup {
	fs := newFlagGroup("Result")
	o.live.addFlag(fs)
	return fs
}

// settle reads --resume and --over, and rejects what a sweep cannot have.
func (o *sweepOptions) settle(run *runOptions) (err error) {
	if o.Resume != "" {
		if err := o.adopt(run); err != nil {
			return err
		}
	}
	if o.Over == "" {
		return usagef("sweep: want --%s SETTING=VALUES, such as users=1..1024", overFlag)
	}
	if o.axis, o.points, err = run.parseOver(o.Over); err != nil {
		return usagef("%s %s: %w", o.from(overFlag), quoted(o.Over), err)
	}
	if flag := o.axis.flag; flag != "" {
		if err := o.notWith(overFlag, o.Over, [][2]string{{flag, "it is what is varied"}}); err != nil {
			return err
		}
	}
	names, err := o.chosenNames("scenario", "scenario", run.work.Scenarios, scenarioNames())
	if err == nil && len(names) != 1 {
		err = usagef("%s %s: want one scenario", o.from("scenario"), strings.Join(run.work.Scenarios, ","))
	}
	return err
}

// scenarios returns the scenario at each point, named after it.
func (o *sweepOptions) scenarios(run *runOptions) (cfg runner.Config, err error) {
	var list []scenarios.Scenario
	for _, p := range o.points {
		err := o.axis.at(run, p, func() error {
			cfg, err = run.work.config(false)
			return err
		})
		if err != nil {
			return cfg, err
		}
		s := cfg.Scenarios[0]
		s.Name += "/" + o.axis.name + "=" + p.text
		list = append(list, s)
	}
	name := cfg.Scenarios[0].Name
	cfg.Scenarios = list
	cfg.Sweep = &runner.Sweep{Sweep: result.Sweep{Scenario: name, Over: o.axis.name, Unit: o.axis.unit, BudgetNs: int64(o.Budget)}, Resumed: o.resumed}
	for i, p := range o.points {
		cfg.Sweep.Points = append(cfg.Sweep.Points, result.SweepPoint{Text: p.text, Value: p.value, Scenario: list[i].Name})
		if o.axis.kind == processorsAxis {
			cfg.Sweep.Processors = append(cfg.Sweep.Processors, int(p.value))
		}
	}
	return cfg, nil
}

// expand gives a parameter of strategies its value at each point: a strategy with the parameter is a subject of its own at each. Others are
// measured at each point as they are.
func (o *sweepOptions) expand(cfg *runner.Config) error {
	if o.axis.kind != paramAxis {
		return nil
	}
	var all []runner.Subject
	cfg.Sweep.Subjects = make([][]int, len(o.points))
	some := false
	for _, of := range cfg.Subjects {
		if of.Target != nil || !of.Strategy.HasParam(o.axis.name) {
			for i := range o.points {
				cfg.Sweep.Subjects[i] = append(cfg.Sweep.Subjects[i], len(all))
			}
			all = append(all, of)
			continue
		}
		some = true
		if strings.Contains(of.Label, o.axis.name+"=") {
			return usagef("%s %s: %s is what is varied", o.from("strategy"), of.Label, o.axis.name)
		}
		for i, p := range o.points {
			given := map[string]string{}
			for name, value := range of.Params {
				given[name] = value
			}
			given[o.axis.name] = p.text
			params, err := of.Strategy.Resolve(given)
			if err != nil {
				return usagef("%s %s: %w", o.from(overFlag), quoted(o.Over), err)
			}
			at := of
			at.Params = params
			cfg.Sweep.Subjects[i] = append(cfg.Sweep.Subjects[i], len(all))
			all = append(all, at)
		}
	}
	if !some {
		return usagef("%s %s: no strategy of this sweep has a parameter %s: want one of %s", o.from(overFlag), quoted(o.Over), o.axis.name, o.axis.doc)
	}
	cfg.Subjects = all
	return nil
}

// adopt reads the sweep to go on with, and takes over its settings where none are given.
func (o *sweepOptions) adopt(run *runOptions) error {
	d, err := readDocument("sweep", o.Resume)
	if err != nil {
		return err
	}
	if d.Sweep == nil {
		return &exitError{exitIncomparable, fmt.Errorf("%s %s: is no sweep: want the JSON of sessbench sweep", o.from(resumeFlag), quoted(o.Resume))}
	}
	o.resumed = d
	c := &d.Config
	otherwise := func(flag string, list *[]string, of []string) {
		if !o.given(flag) && len(of) > 0 {
			*list = of
			o.sources[flag] = source{rankDefault + 1, o.from(resumeFlag)}
		}
	}
	otherwise("strategy", &run.choice.Strategies, withoutTargets(d))
	otherwise("target", &run.targets.Targets, c.Targets)
	otherwise("scenario", &run.work.Scenarios, c.Scenarios)
	if !o.given("param") {
		run.choice.Params = setting.Pairs(c.Params)
	}
	if !o.given("baseline-strategy") {
		if run.choice.Baseline = c.Baseline; c.Baseline == "" {
			run.choice.Baseline = "none"
		}
	}
	if !o.given(overFlag) {
		o.Over = d.Sweep.Over + "=" + strings.Join(mapped(d.Sweep.Points, func(p result.SweepPoint) string { return p.Text }), ",")
	}
	if !o.given("budget") {
		o.Budget = time.Duration(d.Sweep.BudgetNs)
	}
	if !o.given("runs") {
		run.work.Runs = d.Sweep.Blocks
	}
	return run.work.adopt(c)
}

// withoutTargets returns the names of the strategies of a document that are not targets.
func withoutTargets(d *result.Document) (names []string) {
	targets := map[string]bool{}
	for i := range d.Results {
		if d.Results[i].Target != "" {
			targets[d.Results[i].Strategy] = true
		}
	}
	for _, name := range d.Config.Strategies {
		if !targets[name] {
			names = append(names, name)
		}
	}
	return names
}

// checkResumed rejects a sweep that differs from the one to go on with.
func (o *sweepOptions) checkResumed(run *runOptions, cfg runner.Config) error {
	if o.resumed == nil {
		return nil
	}
	now := runner.Outline(cfg)
	now.Tool, now.Config = thisTool(), run.resolved(cfg)
	if found := judge.SweepDifferences(judge.Source{Label: o.Resume, Document: o.resumed}, judge.Source{Label: "this sweep", Document: now}); len(found) > 0 {
		return &exitError{exitIncomparable, fmt.Errorf("%s %s: is another sweep: %s", o.from(resumeFlag), quoted(o.Resume), strings.Join(found, "; "))}
	}
	return nil
}
