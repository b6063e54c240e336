package cmd

import (
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/duet"
	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

const atRateFlag = "at-rate"

// atRate judges whether this build meets goals at a rate, by whole trials in an open loop.
func (o *checkOptions) atRate(ctx context.Context) (*judge.Check, error) {
	if err := o.settleRate(); err != nil {
		return nil, err
	}
	measure := o.measureCandidate
	if o.baseline.older() {
		measure = o.measureBoth
	}
	docs, err := measure(ctx)
	if docs == nil {
		return nil, err
	}
	builds := judge.AtRate{
		New: judge.Source{Label: "new", File: "this build", Document: docs[len(docs)-1]}, Thresholds: o.run.thresholds.bounds, Command: o.typed(),
	}
	if len(docs) > 1 {
		builds.Old = judge.Source{Label: "old", File: cmp.Or(o.baseline.AgainstRef, o.baseline.Against), Document: docs[0]}
	}
	c, err := judge.CheckAtRate(builds)
	return c, o.judgeError(err)
}

// checkAtRate rejects what does not fit --at-rate.
func (o *checkOptions) checkAtRate(args []string) error {
	pairs := "trials are whole: want --runs"
	figures := "thresholds name their metrics and bounds"
	stored := "it applies to --baseline"
	if err := o.notWith(atRateFlag, o.rule.AtRate, [][2]string{
		{"rate", "it is the rate"}, {"pairs", pairs}, {"budget", pairs}, {"gate", figures}, {"min-effect", figures}, {"tolerance", figures},
		{"baseline", "a goal needs no stored result: want --against, which measures an older build now"}, {"strict", stored},
		{"allow-other-machine", stored}, {"baseline-strategy", "a goal is no ratio to another strategy"},
	}); err != nil {
		return err
	}
	switch at := o.from(atRateFlag) + " " + o.rule.AtRate; {
	case len(args) > 0:
		return usagef("check: %s: not with %s, which measures now", quoted(args[0]), at)
	case len(o.run.thresholds.Thresholds) == 0:
		return usagef("%s: no goal: want --threshold BOUND with it, such as --threshold 'p99<5ms'", at)
	case o.run.work.Runs < judge.MinRateTrials:
		return usagef("%s %d: too few for a verdict about a goal: want %d or more", o.from("runs"), o.run.work.Runs, judge.MinRateTrials)
	case o.baseline.older() && len(o.run.targets.Targets) > 0:
		return usagef("%s: not with an older build of this program: want --at-rate without --against and --against-ref", o.from(targetFlag))
	}
	o.baseline.Stored = "" // from a weaker source
	if o.baseline.older() {
		return o.reject(rankFlag, ownServer, "redis-url")
	}
	return nil
}

// settleRate sets what --at-rate stands for: the rate, and the defaults of this kind of check.
func (o *checkOptions) settleRate() error {
	if err := o.run.thresholds.parse(); err != nil {
		return err
	}
	var goals []judge.Goal
	for _, t := range o.run.thresholds.bounds {
		goal, err := judge.GoalOf(t)
		if err != nil {
			return usagef("%s %w", o.from("threshold"), err)
		}
		goals = append(goals, goal)
	}
	if err := o.flags.Set("rate", o.rule.AtRate); err != nil {
		return err
	}
	o.sources["rate"], o.run.choice.Baseline = o.sources[atRateFlag], "none"
	if len(o.run.targets.Targets) == 0 {
		if err := o.otherwise("strategy", strings.Join(o.defaultStores(), ",")); err != nil {
			return err
		}
	}
	cfg, err := o.run.work.config(false)
	if err != nil || o.given("duration") || o.given("stage") {
		return err
	}
	for _, s := range cfg.Scenarios {
		for _, goal := range goals {
			cfg.Window = max(cfg.Window, runner.WindowAt(cfg, s, goal))
		}
	}
	return o.flags.Set("duration", cfg.Window.String())
}

// measureCandidate measures this build alone.
func (o *checkOptions) measureCandidate(ctx context.Context) ([]*result.Document, error) {
	d, err := o.measureNow(ctx)
	if d == nil {
		return nil, err
	}
	return []*result.Document{d}, err
}

// measureBoth measures both builds: each block has a trial of either for each row, each in a new process, in an order that is drawn
// anew. Blocks differ in their tapes and arrivals, and have the same for both builds.
func (o *checkOptions) measureBoth(ctx context.Context) ([]*result.Document, error) {
	rows, longest, err := o.rowsOf()
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].Drawn = func(block int) []string {
			return []string{"--seed", strconv.FormatUint(o.run.work.Seed+uint64(block), 10)}
		}
	}
	cfg, remove, err := o.newDuet(ctx, rows, false)
	if err != nil {
		return nil, err
	}
	defer remove()
	cfg.Blocks = o.run.work.Runs
	took := o.run.work.Warmup + longest/2
	cfg.Patience = duet.DefaultPatience + o.run.work.Warmup + longest
	o.note("%d trials of %d rows and both builds, %v or more", cfg.Blocks, len(rows), (took * time.Duration(cfg.Blocks*len(rows)*2)).Round(time.Second))
	docs, err := o.runDuet(ctx, cfg, 1)
	if docs == nil {
		return nil, o.duetError(ctx, err)
	}
	for _, d := range docs {
		judge.Summarize(d)
	}
	return docs, nil
}
