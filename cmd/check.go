package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/scenarios"
)

// checkOptions are the options of `check`.
type checkOptions struct {
	*command
	run      *runOptions // how this build is measured
	baseline baselineOptions
	rule     ruleOptions

	measuring []flagGroup // the flags that describe a measurement
}

// baselineOptions are what a check compares with: at most one of them.
type baselineOptions struct {
	Against    string // path of a binary
	AgainstRef string // a git ref
	Stored     string // a baseline's file or name
}

// ruleOptions are how a check decides.
type ruleOptions struct {
	AtRate    string // "": no goal at a rate
	Pairs     int
	Budget    time.Duration // 0: Pairs counts
	Gate      []string
	MinEffect float64 // share; 0: the default of the mode
	Tolerance float64 // share
	Strict    bool
	OtherOK   bool
}

// older reports whether an older build is measured, too.
func (o *baselineOptions) older() bool { return o.Against != "" || o.AgainstRef != "" }

// The defaults of a check.
const (
	checkPairs     = 30
	maxPairs       = 6000
	checkWarmup    = 45 * time.Millisecond
	checkWindow    = 240 * time.Millisecond // with start and end a process takes 0.35 s
	checkEffect    = 0.025
	checkTolerance = 0.05
	storedEffect   = 0.10
)

func newCheckCmd(a *app) *cobra.Command { return newCheckOptions(a).cobra() }

func newCheckOptions(a *app) *checkOptions {
	run := newRunOptions(a)
	return &checkOptions{command: run.command, run: run}
}

func (o *checkOptions) cobra() *cobra.Command {
	c := &cobra.Command{
		Use:   "check [flags] [RESULT.json]",
		Short: "Fail on a performance regression: the gate for CI",
		Long: `Check compares this build with a baseline. The verdict is pass, fail or inconclusive.

  --against BINARY, --against-ref REF   duet: old, a copy of old and new run in alternating time slices, in new processes for
                                        each measurement. A slow machine slows all three, and the difference between old and
                                        its copy is noise of the machine.
  --baseline FILE|NAME                  a stored result. A machine varies over time by more than most changes, so the verdict
                                        is advice, unless --strict is set.
  --threshold BOUND                     fixed bounds, or ratios between rows of one run; alone or with a baseline.
  --at-rate RATE --threshold BOUND      goals at a rate in an open loop, judged by repeated whole trials. With --against or
                                        --against-ref trials of both builds alternate, and the report says whether the older
                                        one meets the goals; this build alone decides.

With RESULT.json check judges that result; otherwise it measures now. Defaults of a duet: the stores that WithStore added, or
per-session and sharded, under the scenario chatbot with an empty critical section. Defaults with --baseline: the settings of the
baseline. Defaults with --at-rate: the stores of a duet, under the scenario as it is, in trials that are long enough for the
percentiles of the thresholds.

Exit codes: 0 pass, or advice, 99 fail, 3 inconclusive, 5 a store failed its audit, 4 not comparable, 2 bad usage, 1 could not
run, 130 interrupted.`,
		Example: `  sessbench check --against ./old-sessbench
  sessbench check --against-ref origin/main -S sharded --budget 4m
  sessbench run --save-baseline main -r 10; sessbench check --baseline main
  sessbench check --threshold 'per-session.ops_per_sec > 10x global.ops_per_sec'
  sessbench check --at-rate 2000/s --threshold 'p99<5ms' -S sharded --against-ref origin/main
  sessbench check result.json --threshold 'sharded.append.p99 < 5ms' -o junit=check.xml`,
		ValidArgsFunction: resultFiles,
		RunE: func(c *cobra.Command, args []string) error {
			if err := o.configure(c); err != nil {
				return err
			}
			return o.check(c.Context(), args)
		},
	}
	what := o.run.whatFlags()
	strategy := what.Lookup("strategy")
	strategy.Usage += " (default all; in a duet and with --at-rate the stores that WithStore added, or per-session and sharded)"
	strategy.DefValue = "[]" // pflag would append all
	o.measuring = []flagGroup{what, o.run.targets.flagGroup(), o.run.work.usersFlags(), o.run.work.checkFlags()}
	addGroups(c, slices.Concat([]flagGroup{o.baselineFlags(), o.rule.flagGroup()}, o.measuring, []flagGroup{o.run.output.flagGroup(wordsOf(reports.CheckFormats()))})...)
	return c
}

func (o *checkOptions) baselineFlags() flagGroup {
	fs := newFlagGroup("Baseline")
	fs.StringVar(&o.baseline.Against, "against", "", "older build of this program, `BINARY`")
	fs.StringVar(&o.baseline.AgainstRef, "against-ref", "", "git `REF` of the older build, built in a temporary worktree")
	fs.StringVar(&o.baseline.Stored, "baseline", "", "stored result, `FILE|NAME`: a file, or a name given to run --save-baseline")
	fs.complete["baseline"] = oneOf(judge.BaselineNames)
	o.run.thresholds.addFlag(fs)
	return fs
}

func (o *ruleOptions) flagGroup() flagGroup {
	fs := newFlagGroup("Verdict")
	o.Pairs, o.Tolerance = checkPairs, checkTolerance
	rate := scenarios.RateParser()
	fs.Var(&value{kind: rate.Kind, read: func(text string) (string, error) {
		_, err := rate.Read(text)
		o.AtRate = text
		return text, err
	}}, atRateFlag, "whether this build meets every --threshold at a `RATE`, such as 2000/s, in --runs trials")
	fs.Var(into(fmt.Sprint(o.Pairs), setting.Parser[int]{Kind: "number", Read: pairs}, &o.Pairs), "pairs", "number `N` of measurements of old, its copy and new; a multiple of 6")
	fs.Var(into("", setting.Duration(time.Second, 24*time.Hour), &o.Budget), "budget",
		"total `TIME` of a duet, in place of --pairs: as many pairs as fit")
	fs.StringSliceVar(&o.Gate, "gate", metric.Shorts(metric.Gated()), "`METRICS` that the verdict depends on, of "+strings.Join(gateNames(), ", ")+
		" (default "+strings.Join(metric.Shorts(metric.Gated()), ", ")+")")
	fs.complete["gate"] = listOf(gateNames)
	fs.Lookup("gate").DefValue = "[]" // pflag would append the default as one word, wider than the screen
	fs.Var(into("", setting.Percent(), &o.MinEffect), "min-effect", "least change that fails, `PERCENT` (default 2.5% in a duet, 10% with --baseline)")
	fs.Var(into("5%", setting.Percent(), &o.Tolerance), "tolerance", "`PERCENT` of change that a pass excludes")
	fs.BoolVar(&o.Strict, "strict", false, "verdict with --baseline, not advice: requires the same machine and 10 trials on both sides")
	fs.BoolVar(&o.OtherOK, "allow-other-machine", false, "--baseline of another machine, as advice")
	return fs
}

// checkFlags are the flags of the trials of a check.
func (o *workOptions) checkFlags() flagGroup {
	fs := newFlagGroup("Measuring")
	o.addRunsFlag(fs, "", fmt.Sprintf("number `N` of trials of each strategy (default %d, the least with --at-rate; with --baseline that of the baseline, with --strict at least 10)", runner.DefaultRuns))
	o.addWarmupFlag(fs, "", fmt.Sprintf("warm-up `TIME` of each trial (default %v, in a duet %v)", runner.DefaultWarmup, checkWarmup))
	o.addRecordFlag(newFlagGroup("")) // no flag: a baseline may set it
	return fs
}

// pairs reads a number of pairs in which all orders of three arms are equally frequent.
func pairs(text string) (int, error) {
	n, err := setting.Count(6, maxPairs).Read(text)
	if err != nil || n%6 != 0 {
		err = fmt.Errorf("want a multiple of 6 up to %d, so that the 6 orders of old, its copy and new are equally frequent", maxPairs)
	}
	return n, err
}

// check does the kind of check that the flags select.
func (o *checkOptions) check(ctx context.Context, args []string) (err error) {
	defer func() {
		if o.run.opener != nil {
			err = errors.Join(err, o.run.opener.Close())
		}
	}()
	if len(args) > 1 {
		return usagef("check: %s: want one RESULT.json at most", quoted(args[1]))
	}
	if err := o.oneBaseline(args); err != nil {
		return err
	}
	if err := o.checkTargets(); err != nil {
		return err
	}
	o.run.output.reads = append(argumentFiles(args...), o.run.targets.files()...)
	o.run.output.addInput("against", o.baseline.Against)
	if path, err := judge.BaselinePath(o.baseline.Stored); o.baseline.Stored != "" && err == nil { // judge reports an error
		o.run.output.reads = append(o.run.output.reads, outfile.Named{Words: o.from("baseline") + " " + quoted(o.baseline.Stored), Path: path})
	}
	if err := o.run.output.settle(); err != nil {
		return err
	}
	var c *judge.Check
	switch {
	case o.rule.AtRate != "":
		c, err = o.atRate(ctx)
	case o.baseline.older():
		c, err = o.duet(ctx)
	default:
		c, err = o.judge(ctx, args)
	}
	if c == nil {
		return err
	}
	written := o.run.output.write(inFormat(reports.CheckFormats(), c))
	return checkVerdict(ctx, c, written, o.run.crashes()...)
}

// ownServer is why an older build takes no --redis-url.
const ownServer = "not with an older build, whose processes have no server"

// oneBaseline rejects two baselines, and settings of another kind of check.
func (o *checkOptions) oneBaseline(args []string) error {
	var given []string
	for _, name := range []string{"against", "against-ref", "baseline"} {
		if o.given(name) {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		return usagef("%s and %s: want one of them", o.from(given[0]), o.from(given[1]))
	}
	if o.rule.AtRate != "" {
		return o.checkAtRate(args)
	}
	mode := strings.Join(given, "")
	if mode == "" && len(o.run.thresholds.Thresholds) == 0 {
		return usagef("check: no baseline: want --against BINARY, --against-ref REF, --baseline FILE|NAME or --threshold BOUND")
	}
	duet, stored := strings.HasPrefix(mode, "against"), mode == "baseline"
	for _, s := range []struct {
		fits  bool
		why   string
		flags []string
	}{
		{duet, "only --against and --against-ref measure in pairs", []string{"pairs", "budget"}},
		{duet, "only --against and --against-ref have a tolerance", []string{"tolerance"}},
		{duet || stored, "thresholds name their metrics", []string{"gate"}},
		{duet || stored, "a threshold has its own bound", []string{"min-effect"}},
		{stored, "it applies to --baseline", []string{"strict", "allow-other-machine"}},
		{!duet, "a duet uses --pairs", []string{"runs"}},
		{!duet, "a duet compares builds of this program, and a target is not a part of it: want --baseline with a result of the target", []string{targetFlag}},
		{!duet, ownServer, []string{"redis-url"}},
		{!duet, "a duet compares each strategy with itself", []string{"baseline-strategy"}},
	} {
		if s.fits {
			continue
		}
		if err := o.reject(rankFlag, s.why, s.flags...); err != nil {
			return err
		}
	}
	switch {
	case duet && len(args) > 0:
		return usagef("check: %s: a duet measures both builds now and takes no result", quoted(args[0]))
	case o.rule.Budget > 0 && o.sources["pairs"].rank == o.sources["budget"].rank:
		return usagef("%s and %s: want one of them", o.from("pairs"), o.from("budget"))
	case o.rule.Strict && o.rule.OtherOK:
		return usagef("--strict and --allow-other-machine: want one of them: a baseline of another machine gives advice only")
	}
	if o.sources["pairs"].rank > o.sources["budget"].rank {
		o.rule.Budget = 0 // the stronger source counts
	}
	return nil
}

// checkTargets checks --target and the settings of a server.
func (o *checkOptions) checkTargets() error {
	if err := o.run.targets.parse(); err != nil {
		return err
	}
	return o.checkRedis()
}

// gated returns the metrics of --gate by their names in documents.
func (o *checkOptions) gated() (metrics []string, err error) {
	names, err := o.chosenNames("gate", "metric", o.rule.Gate, gateNames())
	for _, m := range metric.Compared() {
		if slices.Contains(names, m.Short()) {
			metrics = append(metrics, m.Name)
		}
	}
	return metrics, err
}

// gateNames lists the names of metrics for --gate.
func gateNames() []string { return metric.Shorts(metric.Compared()) }
