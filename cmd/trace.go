package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/scenarios/trace"
)

func newTraceCmd(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "trace",
		Short:   "Describe recorded traffic",
		Long:    "Trace describes logs of recorded traffic, the files that run --trace replays.",
		Example: "  sessbench trace stats examples/sample.csv",
	}
	c.AddCommand(newTraceStatsCmd(a))
	return c
}

// traceStatsOptions are the options of `trace stats`.
type traceStatsOptions struct {
	*app
	Log   trace.Options
	print func([]reports.Log) error
}

func newTraceStatsCmd(a *app) *cobra.Command {
	o := &traceStatsOptions{app: a}
	c := &cobra.Command{
		Use:   "stats [flags] FILE...",
		Short: "Print statistics of a log: sessions, visits, operations, span, popularity, burstiness",
		Long: `Stats reads each log once, to its end, and prints its statistics.

  popularity  exponent s of Zipf's law: the number of visits of the session of rank r is proportional to 1/r^s; 0 is uniform
  burstiness  standard deviation divided by mean of the times between visits: 1 for independent arrivals, more for bursts;
              "within a minute" excludes the variation between day and night`,
		Example: `  sessbench trace stats examples/sample.csv
  sessbench trace stats --trace-columns session=session,time=t_s -f json examples/sample.csv`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%sno log: want %s FILE...", where(c), c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return o.run(c.Context(), args) },
	}
	flags, log := newFlagGroup("Flags"), newFlagGroup("Log format (detected by default)")
	o.print = printer(a, flags, reports.LogFormats())
	addLogFlags(log.FlagSet, &o.Log)
	addGroups(c, flags, log)
	return c
}

// run describes every log that can be read, also after one that cannot.
func (o *traceStatsOptions) run(ctx context.Context, paths []string) error {
	if err := o.commit(); err != nil {
		return err
	}
	var list []reports.Log
	var failed []error
	for _, path := range paths {
		log, err := o.describe(ctx, path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		list = append(list, log)
	}
	if len(list) > 0 {
		failed = append(failed, o.print(list))
	}
	return errors.Join(failed...)
}

func (o *traceStatsOptions) describe(ctx context.Context, path string) (reports.Log, error) {
	r, err := openLog(ctx, path, o.Log)
	if ctx.Err() != nil {
		return reports.Log{}, context.Cause(ctx)
	}
	if err != nil {
		return reports.Log{}, usagef("%w", err)
	}
	defer r.Close()
	defer context.AfterFunc(ctx, func() { r.Close() })() // a signal ends the reading of a large log
	s, err := trace.Measure(r)
	for _, problem := range r.Problems() {
		o.complain("%s", problem)
	}
	if ctx.Err() != nil {
		return reports.Log{}, context.Cause(ctx)
	}
	if err != nil {
		return reports.Log{}, err
	}
	if s.Visits == 0 {
		return reports.Log{}, fmt.Errorf("%s: no visits", path)
	}
	return reports.NewLog(r, s), nil
}
