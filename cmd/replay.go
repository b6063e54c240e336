package cmd

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// logOptions says how a log of recorded traffic is to be read.
type logOptions struct {
	Format    string
	TimeUnit  string
	Columns   map[string]string
	Session   string
	MaxErrors int
}

func (o *logOptions) addFlags(fs *pflag.FlagSet) {
	o.Format, o.MaxErrors = trace.Formats()[0], 10
	fs.Var(choice(&o.Format, trace.Formats()...), "trace-format", "`FORMAT` of the log: "+strings.Join(trace.Formats(), ", "))
	o.TimeUnit = trace.TimeUnits()[0]
	fs.Var(choice(&o.TimeUnit, trace.TimeUnits()...), "trace-time-unit",
		"`UNIT` of times that are numbers: "+strings.Join(trace.TimeUnits(), ", "))
	fs.Var(&value{kind: "columns", read: func(text string) (err error) {
		if o.Columns, err = trace.ParseColumns(text); err != nil {
			return fmt.Errorf("want ROLE=COLUMN,ROLE=COLUMN: %w", err)
		}
		return nil
	}}, "trace-columns", "which column says what, `ROLE=COLUMN,...`: session, time, op, bytes, reply; by number without a header")
	fs.Var(&value{kind: "session", read: func(text string) error {
		if name, ok := strings.CutPrefix(text, "cookie:"); !ok || name == "" {
			return fmt.Errorf("want cookie:NAME, or no --trace-session for the client's address")
		}
		o.Session = text
		return nil
	}}, "trace-session", "where an access log keeps the session: `cookie:NAME`; the client's address without")
	fs.Var(count("10", -1, math.MaxInt32, &o.MaxErrors), "trace-max-errors",
		"malformed lines to skip before giving up, `N`; -1: any number")
}

func (o *logOptions) open(ctx context.Context, path string) (*trace.Reader, error) {
	return unblocked(ctx, func() (*trace.Reader, error) {
		return trace.Open(path, trace.Options{Format: o.Format, TimeUnit: o.TimeUnit, Columns: o.Columns, Session: o.Session, MaxErrors: o.MaxErrors})
	})
}

// parseSpeed reads max or a factor such as 60x. Max is 0.
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

// drawnOnly lists the flags that shape what is drawn at random, each with what says that in recorded traffic.
func drawnOnly() [][2]string {
	return [][2]string{
		{"scenario", "the log says what users do"},
		{"duration", "the log is replayed once, to its end"},
		{"iterations", "the log is replayed once, to its end"},
		{"keys", "the log says which sessions are visited"},
		{"mix", "the log says what users do"},
		{"sessions", "the log says which sessions there are"},
		{"think", "the log says when users act"},
		{"warmup", "the log is replayed from its first row on"},
	}
}

// checkReplay refuses settings that contradict each other: what shapes a draw beside --trace, and how to read a log
// without one.
func (o *runOptions) checkReplay() error {
	if o.Trace == "" {
		for _, name := range []string{"trace-format", "trace-time-unit", "trace-columns", "trace-session", "trace-speed", "trace-max-errors"} {
			if o.sources[name].rank == rankFlag {
				return usagef("%s: is for recorded traffic: want --trace FILE with it", o.from(name))
			}
		}
		return nil
	}
	if err := o.notWith("trace", o.Trace, drawnOnly()); err != nil {
		return err
	}
	o.Sessions, o.Duration, o.Iterations, o.Keys, o.Mix, o.Think = 0, 0, 0, "", "", nil
	return nil
}

// compiled is recorded traffic that is ready to be replayed.
type compiled struct {
	tape   *trace.Tape
	format string
}

// compile reads the log once, to its end, onto an empty tape, and says on stderr what share of it can be used.
func (o *runOptions) compile(ctx context.Context, log *trace.Reader, users int, tape *trace.Tape) (*compiled, error) {
	err := tape.Compile(ctx, log, users)
	for _, problem := range log.Problems() {
		o.complain("%s", problem)
	}
	if err != nil {
		return nil, err
	}
	c := tape.Counts()
	if err := o.replayable(log, c); err != nil {
		return nil, err
	}
	o.note("%s (%s): %s of %s rows used (%s): %s visits of %s sessions, %s operations",
		log.Name(), log.Format(), result.FormatCount(c.Visits), result.FormatCount(c.Visits+c.Malformed),
		result.FormatShare(c.Used()), result.FormatCount(c.Visits), result.FormatCount(c.Sessions), result.FormatCount(c.Total()))
	if c.Timed && log.AssumedSeconds() {
		o.note("%s: times are taken as seconds: --trace-time-unit if they are not", log.Name())
	}
	if c.Clipped > 0 {
		o.note("%s: %s", log.Name(), clippedSizes(c.Clipped))
	}
	return &compiled{tape, log.Format()}, nil
}

// clippedSizes says that sizes in a log were cut.
func clippedSizes(n int64) string {
	return fmt.Sprintf("%s above %s bytes cut to that, the most that a message may have (docs/adapter-protocol.md)",
		many(int(n), "size"), result.FormatCount(scenarios.MaxSize))
}

func (o *runOptions) replayable(log *trace.Reader, c trace.Counts) error {
	switch {
	case c.Visits == 0:
		return fmt.Errorf("%s: no visit in it", log.Name())
	case o.speed > 0 && !c.Timed:
		return usagef("%s %s: %s has no times: want %s", o.from("trace-speed"), o.TraceSpeed, log.Name(), speedMax)
	}
	return nil
}

// traffic describes the log for the result document.
func (c *compiled) traffic(path string) *result.Traffic {
	n := c.tape.Counts()
	return &result.Traffic{
		File:       filepath.Base(path),
		Format:     c.format,
		Lines:      n.Lines,
		Malformed:  n.Malformed,
		Clipped:    n.Clipped,
		Visits:     n.Visits,
		Sessions:   n.Sessions,
		Operations: operationCounts(n),
		SpanNs:     int64(n.Span),
		Hash:       c.tape.Hash(),
	}
}

// operationCounts names the operations that a log has.
func operationCounts(c trace.Counts) map[string]int64 {
	named := map[string]int64{}
	for op, n := range c.Operations {
		if n > 0 {
			named[scenarios.Op(op).String()] = n
		}
	}
	return named
}
