// Package conformance checks that a program implements the adapter protocol, message by message. The specification is
// docs/adapter-protocol.md.
//
// It uses plain connections instead of package adapter, which would reject what has to be shown here.
package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/printable"
)

// DefaultTimeout is the default of Config.Timeout.
const DefaultTimeout = 10 * time.Second

// Config configures a run of the checks.
type Config struct {
	Target  adapter.Spec  // started again after each failed check, or joined; all its sessions are removed
	Timeout time.Duration // limit for an answer, beyond the requested work; 0 is [DefaultTimeout]
}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Pass Outcome = "pass"
	Fail Outcome = "fail"
	Skip Outcome = "skipped" // needs something optional that the adapter does not have
)

// Check is a check with its result. Sent, Got and Want are set if it failed; long lines are cut in the middle.
type Check struct {
	Name    string  `json:"name"`
	Section string  `json:"section"` // anchor of a section of docs/adapter-protocol.md
	Outcome Outcome `json:"verdict"`
	Sent    string  `json:"sent,omitempty"`
	Got     string  `json:"got,omitempty"`
	Want    string  `json:"want,omitempty"`
	Note    string  `json:"note,omitempty"` // reason of a skip, or an observation that is neither right nor wrong
}

// Report is the result of all checks, in the order of the specification.
type Report struct {
	Name   string   `json:"name"` // from the answer to hello; empty if there was none
	Ops    []string `json:"ops"`  // from the answer to hello
	Checks []Check  `json:"checks"`
}

// Count is the number of checks with a verdict.
func (r *Report) Count(v Outcome) (n int) {
	for i := range r.Checks {
		if r.Checks[i].Outcome == v {
			n++
		}
	}
	return n
}

// Conforms reports whether no check failed.
func (r *Report) Conforms() bool { return r.Count(Fail) == 0 }

// Run performs all checks one after the other. After a failed check it starts the program again, so that verdicts are
// independent. It returns an error if there is no such program, no listener at the address, or ctx has ended. No
// goroutine and no process remains.
func Run(ctx context.Context, cfg Config) (*Report, error) { return run(ctx, cfg, catalogue()) }

func run(ctx context.Context, cfg Config, checks []check) (*Report, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	if err := openfiles.Check(hundredConns + 32); err != nil {
		return nil, err
	}
	x := &tester{Config: cfg, ctx: ctx, report: Report{Ops: []string{}}}
	if err := x.start(); err != nil {
		return nil, err
	}
	defer x.stop()
	for i := range checks {
		done := x.perform(&checks[i])
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		x.report.Checks = append(x.report.Checks, done)
	}
	return &x.report, nil
}

// maxHangs is the number of hangs after which the remaining checks are skipped: each costs a time-out.
const maxHangs = 3

// tester is a run of the checks against one adapter.
type tester struct {
	Config
	ctx      context.Context
	report   Report
	program  *adapter.Process // nil: not running, or joined
	startErr error            // error of the last start
	blocked  string           // why no further check is possible; empty: none
	hangs    int
}

// perform performs a check on a goroutine that it can end at any point.
func (x *tester) perform(k *check) Check {
	p := &probe{x: x, Check: Check{Name: k.name, Section: k.section, Outcome: Pass}}
	if reason := x.skipReason(k); reason != "" {
		p.skip(reason)
		return p.Check
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer p.close()
		k.run(p)
	}()
	<-done
	if p.hung {
		x.hangs++
	}
	if p.Outcome == Fail {
		x.stop() // the next check starts the program again
		if k.vital {
			x.blocked = k.name + " failed"
		}
	}
	return p.Check
}

// skipReason returns why a check is not possible, empty if it is. It starts the program if it is not running.
func (x *tester) skipReason(k *check) string {
	switch {
	case x.blocked != "":
		return x.blocked
	case x.hangs >= maxHangs:
		return fmt.Sprintf("skipped after %d hangs", x.hangs)
	case k.started && !x.starts():
		return "the program was not started here"
	}
	for _, op := range k.needs {
		if !x.has(op) {
			return "hello does not list " + op
		}
	}
	if x.starts() && x.program == nil && x.startErr == nil {
		if err := x.start(); err != nil || x.startErr != nil {
			x.blocked = "the program could not be started again"
			return x.blocked
		}
	}
	return ""
}

// has reports whether the answer to hello lists an operation.
func (x *tester) has(op string) bool {
	if op == anyCreate {
		return x.has("get_or_create") || x.has("create")
	}
	return slices.Contains(x.report.Ops, op)
}

// firstOp returns the first of the operations that hello lists, empty for none.
func (x *tester) firstOp(ops ...string) string {
	if i := slices.IndexFunc(ops, x.has); i >= 0 {
		return ops[i]
	}
	return ""
}

// starts reports whether the program is started here.
func (x *tester) starts() bool { return len(x.Target.Command) > 0 }

// start starts the program, or checks that a joined one accepts connections. It returns an error only if there is no
// program to check.
func (x *tester) start() (err error) {
	if !x.starts() {
		c, err := x.dial()
		if err != nil {
			return fmt.Errorf("no adapter at %s: %w", x.Target, err)
		}
		return c.Close()
	}
	x.program, x.startErr = adapter.Launch(x.ctx, x.Target.Command, adapter.Options{})
	var missing *exec.Error
	var unusable *fs.PathError
	if errors.As(x.startErr, &missing) || errors.As(x.startErr, &unusable) {
		return x.startErr
	}
	if x.startErr == nil {
		err := x.program.CheckOpenFiles(hundredConns)
		if limit, ok := errors.AsType[*openfiles.Error](err); ok && limit.Raisable {
			return nil
		}
		return err
	}
	return nil
}

// stop ends the program if it was started here.
func (x *tester) stop() {
	if x.program != nil {
		_ = x.program.Close() // another check reports a program that has to be killed
		x.program = nil
	}
}

// dial opens a connection.
func (x *tester) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(x.ctx, x.Timeout)
	defer cancel()
	if x.program != nil {
		return x.program.Announced.Dial(ctx)
	}
	return x.Target.Dial(ctx)
}

// exitReport returns the status and the stderr of a program that has ended; empty while it runs or if it is joined.
func (x *tester) exitReport() string {
	const exiting = 2 * time.Second // from the close of its last connection to its end, on a busy machine
	if x.program == nil || !x.exits(exiting) {
		return ""
	}
	text := "; the program has ended: " + x.program.Status()
	if stderr := strings.TrimSpace(printable.Text(x.program.Stderr())); stderr != "" {
		text += "; its stderr: " + stderr
	}
	return text
}

// exits reports whether the program ends within some time.
func (x *tester) exits(within time.Duration) bool {
	select {
	case <-x.program.Exited():
		return true
	case <-time.After(within):
		return false
	}
}
