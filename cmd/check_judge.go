package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports/result"
)

// judge judges a result, given or measured now, against a stored one, or against thresholds alone.
func (o *checkOptions) judge(ctx context.Context, args []string) (*judge.Check, error) {
	gated, err := o.gated()
	if err != nil {
		return nil, err
	}
	var old judge.Source
	if o.Stored != "" {
		if old, err = o.storedBaseline(); err != nil {
			return nil, err
		}
	}
	if err := o.parseThresholds(); err != nil {
		return nil, err
	}
	fresh, err := o.fresh(ctx, args, old.Document)
	if err != nil {
		return nil, err
	}
	var c *judge.Check
	if old.Document == nil {
		c, err = judge.CheckThresholds(fresh, o.thresholds, o.typed())
	} else {
		c, err = judge.CheckStored(judge.Stored{
			Old: old, New: fresh, Gated: gated, Named: o.gateGiven(), Strict: o.Strict,
			Whole:        len(args) == 1 || o.sources["strategy"].rank == rankDefault && o.sources["scenario"].rank == rankDefault,
			OtherMachine: o.OtherOK,
			MinEffect:    o.effect(storedEffect), Thresholds: o.thresholds, Command: o.typed(),
		})
	}
	return c, o.judgeError(err)
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
	path, err := baselinePath(o.Stored)
	if err != nil {
		return judge.Source{}, usagef("%s %w", o.from("baseline"), err)
	}
	d, err := readDocument("check", path)
	return judge.Source{Label: "old", File: path, Document: d}, err
}

// fresh is the result to judge: the one given, or that of a run with the settings of the flags, else of the baseline.
func (o *checkOptions) fresh(ctx context.Context, args []string, baseline *result.Document) (judge.Source, error) {
	if len(args) == 1 {
		if err := o.nothingToMeasure(args[0]); err != nil {
			return judge.Source{}, err
		}
		d, err := readDocument("check", args[0])
		return judge.Source{Label: "new", File: args[0], Document: d}, err
	}
	if baseline != nil {
		if err := o.adopt(&baseline.Config); err != nil {
			return judge.Source{}, err
		}
		if o.Strict && o.sources["runs"].rank == rankDefault {
			o.Runs = max(o.Runs, judge.MinStoredTrials)
		}
	}
	d, err := o.measureNow(ctx)
	return judge.Source{Label: "new", File: "this build", Document: d}, err
}

// nothingToMeasure rejects settings of a measurement together with a result.
func (o *checkOptions) nothingToMeasure(path string) error {
	for _, fs := range o.measuring {
		for _, name := range flagNames(fs.FlagSet) {
			if o.sources[strings.TrimPrefix(name, "--")].rank == rankFlag {
				return usagef("%s: not with %s, which is already measured", name, quoted(path))
			}
		}
	}
	return nil
}

// adopt copies every setting that was not given from the run of the baseline.
func (o *checkOptions) adopt(c *result.Config) error {
	if c.Trace != "" {
		return &exitError{exitIncomparable, fmt.Errorf("check: %s: is a replay of the log %s: want RESULT.json of another run --trace",
			o.Stored, c.Trace)}
	}
	adopt := func(flag string, set func()) {
		if o.sources[flag].rank == rankDefault {
			set()
		}
	}
	adopt("strategy", func() { o.Strategies = c.Strategies })
	adopt("scenario", func() { o.Scenarios = c.Scenarios })
	adopt("baseline-strategy", func() {
		if o.Baseline = c.Baseline; c.Baseline == "" {
			o.Baseline = "none"
		}
	})
	adopt("param", func() {
		for name, value := range c.Params {
			o.Params = append(o.Params, name+"="+value)
		}
	})
	adopt("users", func() { o.Users = c.Users })
	adopt("sessions", func() { o.Sessions = c.Sessions })
	adopt("runs", func() { o.Runs = c.Runs })
	adopt("duration", func() { o.Duration = time.Duration(c.DurationNs) })
	adopt("warmup", func() { o.Warmup = time.Duration(c.WarmupNs) })
	adopt("iterations", func() { o.Iterations = c.Iterations })
	adopt("hold", func() {
		if c.HoldNs != nil {
			hold := time.Duration(*c.HoldNs)
			o.Hold = &hold
		}
	})
	adopt("hold-kind", func() { o.HoldKind = c.HoldKind })
	adopt("think", func() {
		if c.ThinkNs > 0 {
			think := time.Duration(c.ThinkNs)
			o.Think = &think
		}
	})
	adopt("ttl", func() { o.TTL = time.Duration(c.TTLNs) })
	adopt("keys", func() { o.Keys = c.Keys })
	adopt("mix", func() { o.Mix = c.Mix })
	adopt("seed", func() { o.Seed = c.Seed })
	adopt("record", func() { o.Record = c.Record })
	return nil
}

// measureNow measures as `run` does, in a child process, which [checkOptions.run] closes.
func (o *checkOptions) measureNow(ctx context.Context) (*result.Document, error) {
	cfg := runner.Config{Runs: o.Runs, Warmup: o.Warmup, Window: o.Duration, Seed: o.Seed, Record: o.Record}
	var err error
	if cfg.Subjects, err = o.subjects(); err != nil {
		return nil, err
	}
	if cfg.Scenarios, err = o.scenarios(); err != nil {
		return nil, err
	}
	if err := o.matchThresholds(cfg.Subjects, cfg.Scenarios); err != nil {
		return nil, err
	}
	if err := o.commit(); err != nil {
		return nil, err
	}
	if o.ownStreams() {
		o.startSupervisor(nil)
		if err := o.child.OpenSubjects(ctx, &cfg, o.redis, false); err != nil {
			return nil, err
		}
		if err := o.child.Prepare(ctx, cfg); err != nil {
			return nil, err
		}
		cfg.Executor = o.child.Perform
	}
	d, err := o.document(ctx, cfg, nil)
	if err == nil && d.Failure != "" {
		return nil, errors.New(d.Failure)
	}
	return d, err
}
