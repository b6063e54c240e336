package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports/result"
)

// judge judges a result, given or measured now, against a stored one, or against thresholds alone.
func (o *checkOptions) judge(ctx context.Context, args []string) (*judge.Check, error) {
	gated, err := o.gated()
	if err != nil {
		return nil, err
	}
	var old judge.Source
	if o.baseline.Stored != "" {
		if old, err = o.storedBaseline(); err != nil {
			return nil, err
		}
	}
	if err := o.run.thresholds.parse(); err != nil {
		return nil, err
	}
	whole := len(args) == 1 || !o.given("strategy") && !o.given("scenario")
	fresh, err := o.fresh(ctx, args, old.Document)
	if err != nil {
		return nil, err
	}
	var c *judge.Check
	if old.Document == nil {
		c, err = judge.CheckThresholds(fresh, o.run.thresholds.bounds, o.typed())
	} else {
		c, err = judge.CheckStored(judge.Stored{
			Old: old, New: fresh, Gating: o.gating(gated, storedEffect), Strict: o.rule.Strict,
			Whole: whole, OtherMachine: o.rule.OtherOK,
		})
	}
	return c, o.judgeError(err)
}

// gating is what the check decides by. effect is the default of --min-effect.
func (o *checkOptions) gating(gated []string, effect float64) judge.Gating {
	return judge.Gating{Gated: gated, Named: o.given("gate"), MinEffect: cmp.Or(o.rule.MinEffect, effect), Thresholds: o.run.thresholds.bounds, Command: o.typed()}
}

// judgeError adds the exit code to an error of a judgement.
func (o *checkOptions) judgeError(err error) error {
	var apart *judge.NotComparableError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &apart) && apart.Machines:
		return &exitError{exitIncomparable, fmt.Errorf("check: %w (--allow-other-machine compares anyway, as advice)", err)}
	case errors.As(err, &apart):
		return &exitError{exitIncomparable, fmt.Errorf("check: %w", err)}
	}
	return usagef("check: %w", err) // a threshold that matches nothing in the result
}

// storedBaseline reads --baseline.
func (o *checkOptions) storedBaseline() (judge.Source, error) {
	path, err := judge.BaselinePath(o.baseline.Stored)
	if err != nil {
		return judge.Source{}, usagef("%s %s: %w", o.from("baseline"), quoted(o.baseline.Stored), err)
	}
	d, err := readRun("check", path)
	return judge.Source{Label: "old", File: path, Document: d}, err
}

// fresh is the result to judge: the one given, or that of a run with the settings of the flags, else of the baseline.
func (o *checkOptions) fresh(ctx context.Context, args []string, baseline *result.Document) (judge.Source, error) {
	if len(args) == 1 {
		for _, group := range o.measuring {
			if err := o.reject(rankFlag, "not with "+quoted(args[0])+", which is already measured", flagNames(group.FlagSet)...); err != nil {
				return judge.Source{}, err
			}
		}
		d, err := readRun("check", args[0])
		return judge.Source{Label: "new", File: args[0], Document: d}, err
	}
	if baseline != nil {
		if err := o.adopt(baseline); err != nil {
			return judge.Source{}, err
		}
		if o.rule.Strict && !o.given("runs") {
			o.run.work.Runs = max(o.run.work.Runs, judge.MinStoredTrials)
		}
	}
	d, err := o.measureNow(ctx)
	return judge.Source{Label: "new", File: "this build", Document: d}, err
}

// adopt sets every flag that was not given as in the run of the baseline. What a file says is not started: targets must be given.
func (o *checkOptions) adopt(d *result.Document) error {
	c := &d.Config
	if c.Trace != "" {
		return &exitError{exitIncomparable, fmt.Errorf("check: %s: is a replay of the log %s: want RESULT.json of another run --trace",
			o.baseline.Stored, c.Trace)}
	}
	stores := slices.DeleteFunc(slices.Clone(c.Strategies), func(label string) bool {
		return slices.ContainsFunc(d.Results, func(r result.Result) bool { return r.Strategy == label && r.Target != "" })
	})
	flags := map[string]string{
		"strategy": strings.Join(stores, ","), "scenario": strings.Join(c.Scenarios, ","),
		"baseline-strategy": cmp.Or(c.Baseline, "none"), "param": strings.Join(setting.Pairs(c.Params), ","), "runs": fmt.Sprint(c.Runs),
	}
	targets, given := len(stores) < len(c.Strategies), o.given("strategy")
	switch {
	case targets && len(o.run.targets.Targets) == 0 && !given:
		return usagef("check: %s: is a result of targets: want them here, too: %s", o.baseline.Stored,
			strings.Join(mapped(c.Targets, func(t string) string { return "--" + targetFlag + " " + quoted(t) }), " "))
	case targets && len(stores) == 0:
		delete(flags, "baseline-strategy") // the first target is
	}
	err := o.run.work.adopt(c)
	for flag, text := range flags {
		if text != "" && text != "0" {
			err = errors.Join(err, o.otherwise(flag, text))
		}
	}
	if err != nil {
		return usagef("check: %s: %w", o.baseline.Stored, err)
	}
	if len(stores) > 0 && !given {
		o.sources["strategy"] = o.sources["baseline"] // so that they are measured beside targets
	}
	return nil
}

// measureNow measures as `run` does. [checkOptions.check] closes what it opens.
func (o *checkOptions) measureNow(ctx context.Context) (*result.Document, error) {
	cfg, err := o.run.work.config(false)
	if err != nil {
		return nil, err
	}
	if err := o.commit(); err != nil {
		return nil, err
	}
	o.run.setOpener()
	if err := o.run.openSubjects(ctx, &cfg); err != nil {
		return nil, err
	}
	d, err := o.run.document(ctx, cfg)
	if err == nil && d.Failure != "" {
		return nil, errors.New(d.Failure)
	}
	return d, err
}
