package cmd

import (
	"bytes"
	"context"
	"errors"
	"syscall"

	"github.com/sessbench/sessbench/internal/live"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/reports"
	"github.com/sessbench/sessbench/reports/result"
)

// liveOptions are the options of the page about a run, which is served while the run goes on.
type liveOptions struct {
	*command
	Address string

	server *live.Server     // nil: there is no page
	doc    *result.Document // of the run, when it has ended
}

const liveFlag = "live"

// addFlag adds --live.
func (o *liveOptions) addFlag(fs flagGroup) {
	fs.Var(into("", live.Addresses(), &o.Address), liveFlag,
		"serve a page about the run at a loopback `ADDRESS`, 127.0.0.1:0 for any port, and afterwards the report until Ctrl-C")
	fs.complete[liveFlag] = oneOf(func() []string { return []string{"127.0.0.1:0\tany free port"} })
	fs.own(liveFlag)
}

// listen begins to serve the page, if there is to be one. The caller calls conclude.
func (o *liveOptions) listen(ctx context.Context) (err error) {
	if o.Address == "" {
		return nil
	}
	if o.server, err = live.Listen(ctx, o.Address, thisTool()); err != nil {
		var cause syscall.Errno
		if errors.As(err, &cause) { // the rest of the error is the address
			err = cause
		}
		return usagef("%s %s: %w: want another port, or 0 for any free one", o.from(liveFlag), quoted(o.Address), err)
	}
	o.complain("live page: %s", o.server.URL())
	return nil
}

// follow has the page follow a run. describe completes a document of the trials that have ended.
func (o *liveOptions) follow(cfg *runner.Config, describe func(*result.Document)) {
	if o.server == nil {
		return
	}
	o.server.Begin(mapped(cfg.Subjects, labelOf), cfg.Scenarios[0].Name, cfg.Find != nil)
	cfg.Progress, cfg.Live, cfg.LiveTimes = both(cfg.Progress, o.server.Step), both(cfg.Live, o.server.Snapshot), true
	cfg.SoFar = func(d *result.Document) {
		describe(d)
		o.server.SoFar(d)
	}
}

// both calls two functions, of which the first may be nil.
func both[T any](a, b func(T)) func(T) {
	if a == nil {
		return b
	}
	return func(x T) { a(x); b(x) }
}

// conclude serves the report of the run, which ended with an error or nil, until the first signal. It returns that error, which has been
// written by then, so that a user who looks at the report knows of it.
func (o *liveOptions) conclude(ctx context.Context, ended error) error {
	if o.server == nil {
		return ended
	}
	defer func() { _ = o.server.Close() }() // what was served was served
	if o.doc == nil || ctx.Err() != nil {
		return ended
	}
	var page bytes.Buffer
	if err := inFormat(reports.All(), o.doc).write("html", &page, reports.Options{}); err != nil {
		return errors.Join(ended, err)
	}
	o.server.Finish(o.doc, page.Bytes())
	if ended != nil {
		o.complain("%v", openfiles.Explain(ended, openfiles.Usual))
	}
	o.note("the run has ended with exit code %d; its report is at %s until Ctrl-C", codeOf(ended), o.server.URL())
	o.settled = true
	<-ctx.Done()
	return ended
}
