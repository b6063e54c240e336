package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/findings"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/scenarios"
)

// verifyOptions are the options of `verify`.
type verifyOptions struct {
	*command
	choice  strategyOptions
	targets targetOptions
	output  outputOptions

	Scenarios []string // whose operations users perform; none: operations of all kinds, at random

	Flawed   []string
	Schedule string // scripted or random; empty: scripted
	History  string // file of a recorded history

	cfg verify.Config // of every subject; without Until the rounds are not repeated
}

// The values of --schedule.
const (
	scripted = "scripted" // users enter the store in the order of its schedule
	random   = "random"   // operations and pauses are drawn from the seed
)

const (
	untilBudget     = -1               // number of rounds: only the budget ends them
	untilBudgetTime = 10 * time.Minute // default budget with --until
	flawedBudget    = time.Minute      // default budget with --flawed --schedule random
	maxMemory       = 3 << 30          // bytes that a child process may use
)

func newVerifyOptions(a *app) *verifyOptions {
	c := &command{app: a}
	return &verifyOptions{command: c, choice: strategyOptions{command: c, onlyStores: true}, targets: targetOptions{command: c},
		output: outputOptions{command: c}}
}

func newVerifyCmd(a *app) *cobra.Command {
	o := newVerifyOptions(a)
	c := &cobra.Command{
		Use:   "verify [flags]",
		Short: "Verify stores under concurrency, or show the shortest history that proves one wrong",
		Long: `Verify runs a few users at a time on many short-lived sessions, each strategy in a process of its own. For each session's
history it decides whether some order of the operations explains every result: then the history is linearizable.
Otherwise verify names the anomaly and shows the operations in time. It also checks every guarantee that a strategy
declares. Without flags it verifies all strategies, in less than a minute.

A program in any language is verified with --target (docs/adapter-protocol.md): one process for all rounds.

Exit codes: 0 linearizable or as declared, 5 violated, 3 inconclusive, 1 could not run, 2 bad usage, 130 interrupted.`,
		Example: `  sessbench verify
  sessbench verify -S per-session,sharded:shards=1 --rounds 200 --seed 7
  sessbench verify -S cow -o history=violation.json -o html=violation.html
  sessbench verify --history violation.json
  sessbench verify --flawed orphan-lock
  sessbench verify --target 'exec:python3 examples/python/server.py --lock per-session' -s churn
  sessbench verify -S redis -p atomic=lua --redis-url redis://localhost:6379`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.configure(c); err != nil {
				return err
			}
			return o.run(c.Context())
		},
	}
	addGroups(c, o.whatFlags(), o.targets.flagGroup(), o.pressureFlags(),
		o.output.flagGroup(wordsOf(findings.Formats()), wordsOf(findings.FileFormats())...))
	return c
}

func (o *verifyOptions) whatFlags() flagGroup {
	fs := newFlagGroup("What to verify")
	o.choice.addFlag(fs)
	o.choice.addParamFlag(fs)
	fs.StringArrayVarP(&o.Scenarios, "scenario", "s", nil,
		"scenarios whose operations users perform, with some reads: `NAMES`, a,b or all (default: operations of every kind)")
	fs.complete["scenario"] = listOf(func() []string {
		return slices.DeleteFunc(scenarioWords(), func(word string) bool {
			name, _, _ := strings.Cut(word, "\t")
			return name != "all" && !slices.Contains(fittingScenarios(), name)
		})
	})
	fs.StringArrayVar(&o.Flawed, "flawed", nil,
		"stores that are wrong on purpose and must be convicted: `NAMES`, a,b or all (sessbench list has them)")
	fs.complete["flawed"] = listOf(flawWords)
	fs.Var(into(o.Schedule, setting.Choice(scripted, random), &o.Schedule), "schedule",
		"order of the users of flawed stores: `scripted|random` (default scripted: the one that shows the flaw)")
	fs.StringVar(&o.History, "history", "", "recorded history to check again, `FILE`")
	return fs
}

func (o *verifyOptions) pressureFlags() flagGroup {
	fs := newFlagGroup("Pressure")
	o.cfg.Seed, o.cfg.Rounds, o.cfg.Budget = verify.DefaultSeed, verify.DefaultRounds, verify.DefaultBudget
	o.cfg.Users, o.cfg.Ops, o.cfg.Patience = verify.DefaultUsers, verify.DefaultOps, verify.DefaultPatience
	fs.Var(into(fmt.Sprint(o.cfg.Seed), setting.Seed(), &o.cfg.Seed), "seed", "random seed of the first round, `N`; each further round has the next number")
	fs.Var(into(fmt.Sprint(o.cfg.Rounds), setting.Count(0, maxRounds), &o.cfg.Rounds), "rounds", "number of rounds on each store, `N`; 0: until the budget is used up")
	fs.Var(into(o.cfg.Budget.String(), setting.Duration(minBudget, maxBudget), &o.cfg.Budget), "budget",
		"`TIME` after which no further round begins on a store")
	fs.VarP(into(fmt.Sprint(o.cfg.Users), setting.Count(1, maxVerifyUsers), &o.cfg.Users), "users", "u", "greatest number of users in a round, `N`")
	fs.Var(into(fmt.Sprint(o.cfg.Ops), setting.Count(1, maxVerifyOps), &o.cfg.Ops), "ops", "greatest number of operations on a session, `N`")
	fs.Var(into(o.cfg.Patience.String(), setting.Duration(minPatience, maxPatience), &o.cfg.Patience), "patience",
		"`TIME` without progress after which a store whose goroutines all wait hangs; while some are at work the verdict is inconclusive after ten times as long")
	fs.Var(into("", setting.Choice(string(verify.Restart)), (*string)(&o.cfg.Disturb)), "disturb",
		"what happens to a target in the middle of each round: `restart`, it is killed and started again, and what it keeps is counted")
	fs.Var(into("", setting.Choice(untilNames()...), (*string)(&o.cfg.Until)), "until",
		"`VIOLATION` until which the rounds are repeated: any, or a name such as \"lost update\"; the default budget is then 10m")
	return fs
}

// untilNames are the values of --until.
func untilNames() []string {
	return mapped(append([]history.Anomaly{verify.Any}, history.Anomalies()...), func(a history.Anomaly) string { return string(a) })
}

// The bounds of the settings.
const (
	maxRounds      = 1_000_000
	minBudget      = time.Millisecond
	maxBudget      = 24 * time.Hour
	maxVerifyUsers = 64
	maxVerifyOps   = 100_000
	minPatience    = 10 * time.Millisecond
	maxPatience    = 10 * time.Minute
)

// run verifies. All settings are checked before anything is verified.
func (o *verifyOptions) run(ctx context.Context) error {
	if err := o.checkVerify(); err != nil {
		return err
	}
	if err := o.checkRedis(); err != nil {
		return err
	}
	o.output.addInput("history", o.History)
	o.output.reads = append(o.output.reads, o.targets.files()...)
	if err := o.output.settle(); err != nil {
		return err
	}
	o.targets.announce(o.cfg.Users, o.cfg.Budget)
	f := &findings.Document{SchemaVersion: verify.SchemaVersion, Tool: thisTool(), Machine: runner.ThisMachine(), Command: o.typed()}
	examine := o.examineAll
	if o.History != "" {
		examine = o.recheck
	}
	if err := examine(ctx, f); err != nil {
		return err
	}
	switch {
	case len(f.Reports) > 0:
		return outcome(f, o.deliver(f))
	case f.Interrupted && len(f.Failed) == 0:
		return &exitError{exitInterrupted, errors.New("interrupted before the first report: nothing is written")}
	}
	return outcome(f, nil) // no subject could be verified
}

// outcome returns the error of a completed run, with its exit code.
func outcome(f *findings.Document, written error) error {
	of, text := f.Outcome(written)
	if of == findings.Fine {
		return nil
	}
	return &exitError{map[findings.Outcome]int{
		findings.Inconclusive: exitInconclusive,
		findings.Unsupported:  exitUsage,
		findings.Failed:       exitFailed,
		findings.Violated:     exitViolated,
		findings.Interrupted:  exitInterrupted,
	}[of], errors.New(text)}
}

// deliver writes every output. Without a violation there is no history, which a note says.
func (o *verifyOptions) deliver(f *findings.Document) error {
	o.output.outputs = slices.DeleteFunc(o.output.outputs, func(out output) bool {
		why := f.Lacks(out.kind)
		if why != "" {
			o.complain("%s=%s is not written: %s", out.kind, out.path, why)
		}
		return why != ""
	})
	return o.output.write(inFormat(slices.Concat(findings.Formats(), findings.FileFormats()), f))
}

// checkVerify refuses settings that contradict each other.
func (o *verifyOptions) checkVerify() error {
	const recorded = "a recorded history is only checked"
	if o.History == "" && o.given("history") {
		return usagef("%s %s: no file name: want a file that -o history=FILE wrote", o.from("history"), quoted(o.History))
	}
	if o.History != "" {
		return o.notWith("history", o.History, [][2]string{
			{"strategy", recorded}, {"param", recorded}, {"target", recorded}, {"scenario", recorded}, {"flawed", recorded}, {"schedule", recorded}, {"seed", recorded}, {"rounds", recorded},
			{"budget", recorded}, {"users", recorded}, {"ops", recorded}, {"patience", recorded}, {"until", recorded}, {"disturb", recorded},
		})
	}
	if len(o.Flawed) > 0 && o.Schedule != random && o.cfg.Until != "" {
		return usagef("%s %s: a scripted schedule always shows its violation: want --schedule random with it", o.from("until"), quoted(string(o.cfg.Until)))
	}
	if len(o.Flawed) > 0 {
		return o.notWith("flawed", strings.Join(o.Flawed, ","), [][2]string{
			{"strategy", "flawed stores are verified alone"}, {"target", "flawed stores are verified alone"},
			{"scenario", "flawed stores need operations of every kind"}, {"disturb", "flawed stores are not restarted"}, {"param", "flawed stores have no parameters"},
		})
	}
	if o.Schedule == scripted {
		return usagef("%s %s: only flawed stores have schedules: want --flawed NAMES with it", o.from("schedule"), scripted)
	}
	if o.cfg.Disturb != "" && len(o.targets.Targets) == 0 {
		return usagef("%s %s: strategies live in this process: want --target with it", o.from("disturb"), o.cfg.Disturb)
	}
	return o.targets.parse()
}

// recheck checks the history in a file again.
func (o *verifyOptions) recheck(ctx context.Context, f *findings.Document) error {
	h, err := readHistory(o.History)
	if err != nil {
		return usagef("%s %s: %w", o.from("history"), quoted(o.History), err)
	}
	if err := o.commit(); err != nil {
		return err
	}
	report := verify.CheckHistory(ctx, h)
	report.Subject = filepath.Base(o.History)
	if v := report.Violation; v != nil {
		v.Command = o.program() + " verify --history " + quoted(o.History)
	}
	f.Add(report, nil)
	f.Recorded, f.Interrupted = true, ctx.Err() != nil
	return nil
}

func readHistory(path string) (*history.History, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return history.Read(file)
}

// examineAll verifies the subjects one after another, since at once they would compete for the processors. A subject that
// cannot be run does not end the others.
func (o *verifyOptions) examineAll(ctx context.Context, f *findings.Document) error {
	tasks, err := o.tasks()
	if err != nil {
		return err
	}
	if err := o.commit(); err != nil {
		return err
	}
	show := newProgress(o.err, o.Quiet)
	show.tasks = len(tasks)
	defer show.clear()
	for i, t := range tasks {
		if ctx.Err() != nil {
			f.Skipped = append(f.Skipped, mapped(tasks[i:], func(t task) string { return t.Label })...)
			break
		}
		report, err := runTask(ctx, t, verify.Callbacks{
			Step: func(s verify.Step) { show.round(t, s) },
			Slow: func(atMost time.Duration) {
				show.clear()
				o.waiting(atMost)
			},
		})
		switch {
		case errors.Is(err, context.Canceled):
			f.Skipped = append(f.Skipped, t.Label)
		case errors.Is(err, scenarios.ErrUnsupported):
			f.Failed = append(f.Failed, fmt.Sprintf("%s: %v: want another target or --scenario", t.Label, err))
			f.Unfit++
		case err != nil:
			f.Failed = append(f.Failed, fmt.Sprintf("%s: %v", t.Label, openfiles.Explain(err, openfiles.Usual)))
		default:
			for _, v := range report.All() {
				v.Command = o.replay(t, v)
			}
			if refuted := report.Refuted; refuted != nil && refuted.By.Command == "" {
				refuted.By.Command = o.replayRound(t, refuted.By)
			}
			o.nameTarget(report, t, f)
			f.Add(report, t.flaw)
			show.verified(report)
		}
	}
	f.Interrupted = ctx.Err() != nil
	return nil
}

// waiting explains after Ctrl-C why the command is still running.
func (o *verifyOptions) waiting(atMost time.Duration) {
	if !o.Quiet {
		o.complain("stopping: a child may need up to %v; press again to stop at once", atMost)
	}
}

// tasks resolves what to verify.
func (o *verifyOptions) tasks() ([]task, error) {
	if len(o.Flawed) > 0 {
		return o.flawedTasks()
	}
	var err error
	if o.cfg.Scenarios, err = o.chosenScenarios(); err != nil {
		return nil, err
	}
	list, err := o.choice.beside(o.targets.Targets)
	if err != nil {
		return nil, err
	}
	if list, err = o.choice.labelled(list); err != nil {
		return nil, err
	}
	var tasks []task
	for _, s := range list {
		t := o.task(s.Label)
		t.source.Strategy, t.source.Params, t.Params = s.Strategy.Name, s.Params, s.Params
		t.Config.Disturb = ""
		tasks = append(tasks, t)
	}
	return append(tasks, o.targetTasks()...), nil
}

// task returns the task of one subject, with the settings that are the same for all.
func (o *verifyOptions) task(label string) task {
	t := task{
		Task: verify.Task{
			Label:     label,
			MaxMemory: maxMemory,
			Margin:    time.Minute,
			Config:    o.cfg,
		},
		source: subjectSource{Redis: o.redis},
	}
	if o.cfg.Until != "" && !o.given("budget") {
		t.Config.Budget = untilBudgetTime
	}
	t.source.Redis.Users = o.cfg.Users + 1 // and the user that cleans up after a round
	if t.Config.Rounds == 0 {
		t.Config.Rounds = untilBudget
	}
	return t
}

// replay returns the command that reproduces a violation. Whether a round shows it depends on the scheduler as well as on the
// seed, so the command repeats the round.
func (o *verifyOptions) replay(t task, v *history.Violation) string {
	return o.repeat(t, v, "--rounds", "1", "--until", string(v.Anomaly))
}

// replayRound returns the command that repeats the round of a violation that is allowed.
func (o *verifyOptions) replayRound(t task, v *history.Violation) string {
	return o.repeat(t, v, "--rounds", "1")
}

func (o *verifyOptions) repeat(t task, v *history.Violation, rounds ...string) string {
	words := []string{"verify"}
	switch {
	case t.flaw != nil:
		words = append(words, "--flawed", t.flaw.Name)
	case t.Target != "":
		words = append(words, "--target", t.Target)
	default:
		// all settings, since the default of one may differ on another machine
		words = append(words, "-S", setting.Selected{Name: t.source.Strategy, Params: t.source.Params}.String())
	}
	if len(t.Config.Scenarios) > 0 {
		words = append(words, "-s", strings.Join(mapped(t.Config.Scenarios, nameOf), ","))
	}
	words = append(words, "--seed", fmt.Sprint(v.Seed))
	if t.flaw != nil && !t.Scheduled {
		words = append(words, "--schedule", random)
	}
	if !t.Scheduled {
		words = append(words, rounds...)
	}
	if t.Config.Disturb != "" {
		words = append(words, "--disturb", string(t.Config.Disturb))
	}
	if t.source.Strategy == redisName && t.source.Redis.URL != "" {
		words = append(words, "--redis-url", withoutLogin(t.source.Redis.URL))
	}
	for _, setting := range [][2]string{
		{"users", fmt.Sprint(o.cfg.Users)}, {"ops", fmt.Sprint(o.cfg.Ops)}, {"patience", o.cfg.Patience.String()}, {"target-timeout", o.targets.Timeout.String()},
	} {
		if o.given(setting[0]) {
			words = append(words, "--"+setting[0], setting[1])
		}
	}
	return o.program() + " " + strings.Join(mapped(words, quoted), " ")
}

// program returns the words that call this build.
func (a *app) program() string {
	info, _ := debug.ReadBuildInfo()
	return programName(os.Args[0], info)
}

// programName returns the name of a program's file, or the words with which the go command ran it from the folder of its module: go run
// builds it in its temporary folder or in its cache, go-build…, so that its name is not in PATH.
func programName(file string, info *debug.BuildInfo) string {
	folder, name := path.Split(filepath.ToSlash(file))
	if info == nil || info.Main.Path == "" || !strings.Contains(folder, "/go-build") {
		return quoted(strings.TrimSuffix(name, ".exe"))
	}
	if info.Main.Version != "(devel)" && info.Main.Version != "" {
		return "go run " + info.Path + "@" + info.Main.Version
	}
	return "go run ." + strings.TrimPrefix(info.Path, info.Main.Path)
}
