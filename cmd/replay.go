package cmd

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// addLogFlags adds the flags for reading a log of recorded traffic.
func addLogFlags(fs *pflag.FlagSet, o *trace.Options) {
	o.Format, o.MaxErrors = trace.Formats()[0], 10
	fs.Var(into(o.Format, setting.Choice(trace.Formats()...), &o.Format), "trace-format", "`FORMAT` of the log: "+strings.Join(trace.Formats(), ", "))
	o.TimeUnit = trace.TimeUnits()[0]
	fs.Var(into(o.TimeUnit, setting.Choice(trace.TimeUnits()...), &o.TimeUnit), "trace-time-unit",
		"`UNIT` of times that are numbers: "+strings.Join(trace.TimeUnits(), ", "))
	fs.Var(into("", setting.Parser[map[string]string]{Kind: "columns", Read: func(text string) (map[string]string, error) {
		columns, err := trace.ParseColumns(text)
		if err != nil {
			err = fmt.Errorf("want ROLE=COLUMN,ROLE=COLUMN: %w", err)
		}
		return columns, err
	}}, &o.Columns), "trace-columns", "columns by role, `ROLE=COLUMN,...`: session, time, op, bytes, reply; numbers if there is no header")
	fs.Var(into("", setting.Parser[string]{Kind: "session", Read: func(text string) (string, error) {
		if name, ok := strings.CutPrefix(text, "cookie:"); !ok || name == "" {
			return "", fmt.Errorf("want cookie:NAME, or no --trace-session for the client's address")
		}
		return text, nil
	}}, &o.Session), "trace-session", "session of a line of an access log: `cookie:NAME` (default the client's address)")
	fs.Var(into("10", setting.Count(-1, math.MaxInt32), &o.MaxErrors), "trace-max-errors",
		"number of malformed lines to skip, `N`; -1: any number")
}

// openLog opens a log, which may be a pipe without a writer.
func openLog(ctx context.Context, path string, o trace.Options) (*trace.Reader, error) {
	return unblocked(ctx, func() (*trace.Reader, error) { return trace.Open(path, o) })
}

// parseSpeed reads max, which is 0, or a factor such as 60x.
func parseSpeed(text string) (float64, error) {
	if text == speedMax {
		return 0, nil
	}
	number, ok := strings.CutSuffix(text, "x")
	speed, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(speed >= 1e-6 && speed <= 1e9) {
		return 0, fmt.Errorf("want max, or the log's clock times a number such as 60x (1e-6 to 1e9)")
	}
	return speed, nil
}

const speedMax = "max"

// checkReplay refuses flags of random workloads with --trace, and flags for reading a log without it.
func (o *runOptions) checkReplay() error {
	if o.Trace == "" {
		return o.reject(rankFlag, "only for recorded traffic: want --trace FILE with it",
			"trace-format", "trace-time-unit", "trace-columns", "trace-session", "trace-speed", "trace-max-errors")
	}
	return o.keepReplayed()
}

// compile reads the log of --trace once onto an empty tape, notes on stderr which share of it is used, and describes it for the
// result document.
func (o *runOptions) compile(ctx context.Context, log *trace.Reader, users int, tape *trace.Tape) (*result.Traffic, error) {
	err := tape.Compile(ctx, log, users)
	for _, problem := range log.Problems() {
		o.complain("%s", problem)
	}
	c := tape.Counts()
	switch {
	case err != nil:
		return nil, err
	case c.Visits == 0:
		return nil, fmt.Errorf("%s: no visits", log.Name())
	case o.speed > 0 && !c.Timed:
		return nil, usagef("%s %v: %s has no times: want %s", o.from("trace-speed"), o.traceSpeed, log.Name(), speedMax)
	}
	o.note("%s (%s): %s of %s rows used (%s): %s visits of %s sessions, %s operations",
		log.Name(), log.Format(), result.FormatCount(c.Visits), result.FormatCount(c.Visits+c.Malformed),
		result.FormatShare(c.Used()), result.FormatCount(c.Visits), result.FormatCount(c.Sessions), result.FormatCount(c.Total()))
	if c.Timed && log.AssumedSeconds() {
		o.note("%s: times are read as seconds: if they are not, set --trace-time-unit", log.Name())
	}
	if c.Clipped > 0 {
		o.note("%s: %s", log.Name(), clippedSizes(c.Clipped))
	}
	return &result.Traffic{
		File: filepath.Base(o.Trace), Format: log.Format(), Hash: tape.Hash(),
		Lines: c.Lines, Malformed: c.Malformed, Clipped: c.Clipped, SpanNs: int64(c.Span),
		Visits: c.Visits, Sessions: c.Sessions, Operations: operationCounts(c),
	}, nil
}

// clippedSizes is a note on sizes that were reduced.
func clippedSizes(n int64) string {
	return fmt.Sprintf("%s above %s bytes reduced to that, the greatest size of a message (docs/adapter-protocol.md)",
		result.FormatCounted(int(n), "size"), result.FormatCount(scenarios.MaxSize))
}

// operationCounts counts the operations of a log by name.
func operationCounts(c trace.Counts) map[string]int64 {
	named := map[string]int64{}
	for op, n := range c.Operations {
		if n > 0 {
			named[scenarios.Op(op).String()] = n
		}
	}
	return named
}
