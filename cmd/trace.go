package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/reports/result"
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
	Format string
	Log    trace.Options
}

func newTraceStatsCmd(a *app) *cobra.Command {
	o := &traceStatsOptions{app: a, Format: formatTable}
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
	flags.VarP(into(o.Format, setting.Choice(formatTable, formatJSON), &o.Format), "format", "f", "`KIND` of output: table, json")
	addLogFlags(log.FlagSet, &o.Log)
	addGroups(c, flags, log)
	return c
}

// run describes every log that can be read, also after one that cannot.
func (o *traceStatsOptions) run(ctx context.Context, paths []string) error {
	if err := o.commit(); err != nil {
		return err
	}
	list := []tracedLog{}
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
		failed = append(failed, o.unstuck(func(w io.Writer) error { return o.write(w, list) }, o.toStdout))
	}
	return errors.Join(failed...)
}

func (o *traceStatsOptions) write(out io.Writer, list []tracedLog) error {
	if o.Format == formatJSON {
		return result.EncodeJSON(out, list)
	}
	for i, log := range list {
		if i > 0 {
			fmt.Fprintln(out)
		}
		if err := sheet.Draw(out, []string{log.File, log.Format}, log.rows()); err != nil {
			return err
		}
	}
	return nil
}

func (o *traceStatsOptions) describe(ctx context.Context, path string) (tracedLog, error) {
	r, err := openLog(ctx, path, o.Log)
	if ctx.Err() != nil {
		return tracedLog{}, context.Cause(ctx)
	}
	if err != nil {
		return tracedLog{}, usagef("%w", err)
	}
	defer r.Close()
	defer context.AfterFunc(ctx, func() { r.Close() })() // a signal ends the reading of a large log
	s, err := trace.Measure(r)
	for _, problem := range r.Problems() {
		o.complain("%s", problem)
	}
	if ctx.Err() != nil {
		return tracedLog{}, context.Cause(ctx)
	}
	if err != nil {
		return tracedLog{}, err
	}
	if s.Visits == 0 {
		return tracedLog{}, fmt.Errorf("%s: no visits", path)
	}
	v := s.VisitsPerSession
	return tracedLog{
		File: path, Format: r.Format(), Lines: s.Lines, Malformed: s.Malformed, Used: s.Used(),
		Visits: s.Visits, Sessions: s.Sessions, Operations: operationCounts(s.Counts),
		Timed: s.Timed, assumed: r.AssumedSeconds(), SpanNs: int64(s.Span), Inversions: s.Inversions, MaxBytes: s.MaxSize, Clipped: s.Clipped,
		VisitsPerSession: tracedSpread{v.P50, v.P90, v.P99, v.Max},
		Zipf:             s.Zipf, Burstiness: known(s.Burstiness), BurstinessInMinute: known(s.BurstinessInMinute),
	}, nil
}

// tracedLog is the statistics of a log in the JSON output.
type tracedLog struct {
	File             string           `json:"file"`
	Format           string           `json:"format"`
	Lines            int64            `json:"lines"`     // header and blank ones included
	Malformed        int64            `json:"malformed"` // skipped
	Used             float64          `json:"used"`      // share of the rows, of one
	Visits           int64            `json:"visits"`
	Sessions         int64            `json:"sessions"`
	Operations       map[string]int64 `json:"operations"`
	Timed            bool             `json:"timed"`
	SpanNs           int64            `json:"span_ns"`
	Inversions       int64            `json:"inversions"` // rows earlier than the row before them
	MaxBytes         int              `json:"max_bytes"`  // the largest entry
	Clipped          int64            `json:"clipped"`    // entries that were larger and are cut to it
	VisitsPerSession tracedSpread     `json:"visits_per_session"`
	Zipf             float64          `json:"zipf"`

	Burstiness         *float64 `json:"burstiness"` // null: too little to measure
	BurstinessInMinute *float64 `json:"burstiness_in_minute"`

	assumed bool // the unit of its times was guessed
}

type tracedSpread struct {
	P50 int64 `json:"p50"`
	P90 int64 `json:"p90"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// known is nil for NaN, which JSON cannot represent.
func known(x float64) *float64 {
	if math.IsNaN(x) {
		return nil
	}
	return &x
}

// rows is the table of the statistics.
func (l *tracedLog) rows() [][]string {
	span, inversions := "no times", result.Nothing
	if l.Timed {
		span, inversions = time.Duration(l.SpanNs).Round(time.Millisecond).String(), result.FormatCount(l.Inversions)
		if l.assumed {
			span += ", times taken as seconds (--trace-time-unit)"
		}
	}
	largest := result.FormatBytes(float64(l.MaxBytes))
	if l.Clipped > 0 {
		largest += ": " + clippedSizes(l.Clipped)
	}
	v := l.VisitsPerSession
	return [][]string{
		{"lines", fmt.Sprintf("%s, %s malformed", result.FormatCount(l.Lines), result.FormatCount(l.Malformed))},
		{"rows used", result.FormatShare(l.Used)},
		{"sessions", result.FormatCount(l.Sessions)},
		{"visits", result.FormatCount(l.Visits)},
		{"visits per session", fmt.Sprintf("p50 %d, p90 %d, p99 %d, max %d", v.P50, v.P90, v.P99, v.Max)},
		{"operations", l.operations()},
		{"largest entry", largest},
		{"span", span},
		{"out of order", inversions},
		{"popularity", "Zipf " + strconv.FormatFloat(l.Zipf, 'f', 2, 64)},
		{"burstiness", figure(l.Burstiness)},
		{"… within a minute", figure(l.BurstinessInMinute)},
	}
}

func (l *tracedLog) operations() string {
	var total int64
	var parts []string
	for name, n := range l.Operations {
		total += n
		parts = append(parts, name+" "+result.FormatCount(n))
	}
	slices.Sort(parts)
	return result.FormatCount(total) + ": " + strings.Join(parts, ", ")
}

func figure(x *float64) string {
	if x == nil {
		return result.Nothing
	}
	return strconv.FormatFloat(*x, 'f', 2, 64)
}
