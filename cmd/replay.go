package cmd

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
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

// replayOptions are the options for recorded traffic in place of a scenario, and the traffic.
type replayOptions struct {
	*command
	Trace     string
	Log       trace.Options
	speedFlag *value
	speed     float64 // 0: as fast as possible

	tape    *trace.Tape // of Trace; nil without it
	traffic *result.Traffic
}

func (o *replayOptions) flagGroup() flagGroup {
	fs := newFlagGroup("Recorded traffic instead of a scenario")
	fs.StringVar(&o.Trace, "trace", "", "log to replay, `FILE`, plain or gzip")
	addLogFlags(fs.FlagSet, &o.Log)
	o.speedFlag = into(speedMax, setting.Parser[float64]{Kind: "speed", Read: parseSpeed}, &o.speed)
	fs.Var(o.speedFlag, "trace-speed", "speed of the replay, `max|60x`: as fast as possible, or 60 times the log's speed")
	fs.own("trace")
	return fs
}

// check refuses flags of random workloads with --trace, and flags for reading a log without it.
func (o *replayOptions) check(work *workOptions) error {
	if o.Trace == "" {
		return o.reject(rankFlag, "only for recorded traffic: want --trace FILE with it",
			"trace-format", "trace-time-unit", "trace-columns", "trace-session", "trace-speed", "trace-max-errors")
	}
	work.Speed = o.speed
	return work.keepReplayed(o.Trace, o.speedFlag)
}

// makeTape makes an empty tape for the log, if there is one. Close removes it.
func (o *replayOptions) makeTape() (err error) {
	if o.Trace != "" {
		o.tape, err = trace.NewTape("")
	}
	return err
}

func (o *replayOptions) Close() error {
	if o.tape == nil {
		return nil
	}
	return o.tape.Close()
}

// compile reads the log of --trace once onto the tape, notes on stderr which share of it is used, and describes it for the
// result document.
func (o *replayOptions) compile(ctx context.Context, cfg *runner.Config) error {
	if o.Trace == "" {
		return nil
	}
	log, err := openLog(ctx, o.Trace, o.Log)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil {
		return usagef("%s %s: %w", o.from("trace"), quoted(o.Trace), err)
	}
	defer log.Close()
	defer context.AfterFunc(ctx, func() { log.Close() })() // a reader of lines that no row is in does not look at ctx
	err = o.tape.Compile(ctx, log, runner.ProbeUsers(&cfg.Scenarios[0]))
	for _, problem := range log.Problems() {
		o.complain("%s", problem)
	}
	c := o.tape.Counts()
	switch {
	case err != nil:
		return err
	case c.Visits == 0:
		return fmt.Errorf("%s: no visits", log.Name())
	case o.speed > 0 && !c.Timed:
		return usagef("%s %v: %s has no times: want %s", o.from("trace-speed"), o.speedFlag, log.Name(), speedMax)
	}
	o.note("%s (%s): %s of %s rows used (%s): %s visits of %s sessions, %s operations",
		log.Name(), log.Format(), result.FormatCount(c.Visits), result.FormatCount(c.Visits+c.Malformed),
		result.FormatShare(c.Used()), result.FormatCount(c.Visits), result.FormatCount(c.Sessions), result.FormatCount(c.Total()))
	if c.Timed && log.AssumedSeconds() {
		o.note("%s: times are read as seconds: if they are not, set --trace-time-unit", log.Name())
	}
	if c.Clipped > 0 {
		o.note("%s: %s", log.Name(), reports.ClippedSizes(c.Clipped))
	}
	o.traffic = &result.Traffic{
		File: filepath.Base(o.Trace), Format: log.Format(), Hash: o.tape.Hash(),
		Lines: c.Lines, Malformed: c.Malformed, Clipped: c.Clipped, SpanNs: int64(c.Span),
		Visits: c.Visits, Sessions: c.Sessions, Operations: c.ByName(),
	}
	cfg.Traffic, cfg.Scenarios[0].Sessions = o.tape, int(c.Sessions)
	return nil
}
