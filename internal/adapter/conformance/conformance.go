// Package conformance checks that a program speaks the adapter protocol, message by message. The specification is
// docs/adapter-protocol.md.
//
// It talks over plain connections, and not as package target does, which would refuse what is to be seen here.
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

// DefaultTimeout is how long an answer may take beyond the work it was asked for.
const DefaultTimeout = 10 * time.Second

// Config says which adapter to check.
type Config struct {
	Target  adapter.Spec  // started and stopped as often as needed, or joined where it runs; it loses all its sessions
	Timeout time.Duration // for an answer, beyond the work it was asked for; 0 is [DefaultTimeout]

	// Step is told each check as soon as it is done, on the goroutine that called [Run]. May be nil.
	Step func(Check)
}

// Verdict is what a check came to.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	Skip Verdict = "skipped" // what it is about is optional, and not there
)

// Check is a check and what it came to. Sent, Got and Want are there when it failed; long lines are cut in the middle.
type Check struct {
	Name    string  `json:"name"`
	Section string  `json:"section"` // of docs/adapter-protocol.md, as in a link to it
	Verdict Verdict `json:"verdict"`
	Sent    string  `json:"sent,omitempty"`
	Got     string  `json:"got,omitempty"`
	Want    string  `json:"want,omitempty"`
	Note    string  `json:"note,omitempty"` // why it was skipped, or what was seen that is neither right nor wrong
}

// Report is what an adapter did in all checks, in the order of the specification.
type Report struct {
	Name   string   `json:"name"` // the adapter's own; empty if it did not come to tell
	Ops    []string `json:"ops"`  // what it says it can do
	Checks []Check  `json:"checks"`
}

// Count is the number of checks with a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Checks {
		if r.Checks[i].Verdict == v {
			n++
		}
	}
	return n
}

// Conforms reports whether no check failed.
func (r *Report) Conforms() bool { return r.Count(Fail) == 0 }

// Run checks an adapter, one check after the other. After one that failed the program is started anew, so that each
// verdict stands for itself. The error is that there is nothing to check: no such program, nobody at the address, or ctx has
// ended. Neither goroutine nor process is left behind.
func Run(ctx context.Context, cfg Config) (*Report, error) { return run(ctx, cfg, catalogue()) }

func run(ctx context.Context, cfg Config, checks []check) (*Report, error) {
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	if err := openfiles.Check(hundredConns + 32); err != nil {
		return nil, err
	}
	x := &examination{Config: cfg, ctx: ctx, report: Report{Ops: []string{}}}
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
		if cfg.Step != nil {
			cfg.Step(done)
		}
	}
	return &x.report, nil
}

// mostHangs is after how many hangs the rest is not tried any more: each costs a time-out.
const mostHangs = 3

// examination is an adapter being checked.
type examination struct {
	Config
	ctx     context.Context
	report  Report
	program *adapter.Process // nil: not running, or not ours
	flaw    error            // what was wrong with its start, nil: nothing
	unfit   string           // why no check can be made any more
	hangs   int
}

// perform carries one check out, on a goroutine that it can end wherever it has seen enough.
func (x *examination) perform(k *check) Check {
	p := &probe{x: x, Check: Check{Name: k.name, Section: k.section, Verdict: Pass}}
	if why := x.obstacle(k); why != "" {
		p.skip(why)
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
	if p.Verdict == Fail {
		x.stop() // the next check begins with a new one
		if k.vital {
			x.unfit = k.name + " failed"
		}
	}
	return p.Check
}

// obstacle is why a check cannot be made, empty if it can. It starts the program when it is not running.
func (x *examination) obstacle(k *check) string {
	switch {
	case x.unfit != "":
		return x.unfit
	case x.hangs >= mostHangs:
		return fmt.Sprintf("given up after %d hangs", x.hangs)
	case k.ours && !x.ours():
		return "somebody else started it"
	}
	for _, op := range k.needs {
		if !x.has(op) {
			return "hello does not list " + op
		}
	}
	if x.ours() && x.program == nil && x.flaw == nil {
		if err := x.start(); err != nil || x.flaw != nil {
			x.unfit = "the program could not be started again"
			return x.unfit
		}
	}
	return ""
}

// has reports whether the adapter says that it knows an operation.
func (x *examination) has(op string) bool {
	if op == aSession {
		return x.has("get_or_create") || x.has("create")
	}
	return slices.Contains(x.report.Ops, op)
}

// first is the first of some operations that the adapter says it knows, empty for none.
func (x *examination) first(ops ...string) string {
	if i := slices.IndexFunc(ops, x.has); i >= 0 {
		return ops[i]
	}
	return ""
}

// ours reports whether the program is started here.
func (x *examination) ours() bool { return len(x.Target.Command) > 0 }

// start starts the program, or sees whether the one that runs already is there. The error is that there is none.
func (x *examination) start() (err error) {
	if !x.ours() {
		c, err := x.dial()
		if err != nil {
			return fmt.Errorf("no adapter at %s: %w", x.Target, err)
		}
		return c.Close()
	}
	x.program, x.flaw = adapter.Launch(x.ctx, x.Target.Command, adapter.Options{})
	var missing *exec.Error
	var unfit *fs.PathError
	if errors.As(x.flaw, &missing) || errors.As(x.flaw, &unfit) {
		return x.flaw
	}
	if x.flaw == nil {
		err := x.program.CheckOpenFiles(hundredConns)
		if limit, ok := errors.AsType[*openfiles.Error](err); ok && limit.Raisable {
			return nil
		}
		return err
	}
	return nil
}

// stop ends the program, if it is ours and running.
func (x *examination) stop() {
	if x.program != nil {
		_ = x.program.Close() // that it had to be killed is a check of its own
		x.program = nil
	}
}

// dial opens a connection. TCP's has no delay.
func (x *examination) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(x.ctx, x.Timeout)
	defer cancel()
	if x.program != nil {
		return x.program.Dial(ctx)
	}
	return new(net.Dialer).DialContext(ctx, x.Target.Network, x.Target.Address)
}

// obituary says how the program ended and what it said last; empty while it lives, and where it is not ours.
func (x *examination) obituary() string {
	const dying = 200 * time.Millisecond // from its last closed connection to its end
	if x.program == nil || !x.ends(dying) {
		return ""
	}
	text := "; the program has ended: " + x.program.Status()
	if said := strings.TrimSpace(printable.Text(x.program.Stderr())); said != "" {
		text += "; its stderr: " + said
	}
	return text
}

// ends reports whether the program ends within some time.
func (x *examination) ends(within time.Duration) bool {
	select {
	case <-x.program.Exited():
		return true
	case <-time.After(within):
		return false
	}
}
