// Package adapter drives programs in other languages as targets. A program prints where it listens and then answers
// requests in newline-delimited JSON, on one connection per user: see docs/adapter-protocol.md. [Parse] parses a target
// of the command line, [Start] returns it as a [scenarios.Target]. [OfLists] makes a target of message lists in this
// process. [ServeNoop] is an adapter without sessions, which measures the cost of the protocol.
package adapter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Options configures a program. The zero value is ready to use.
type Options struct {
	// Timeout is the time without an answer to any waiting request, beyond the longest work that one of them asks
	// for, after which the program hangs. It also hangs when one request waits for ten times as long, beyond all
	// requested work, while others are answered. A hang is detected up to min(Timeout/10, 1 s) later. Default 30 s.
	Timeout time.Duration

	// StartTimeout limits the time from the start to the announcement. Default 1 minute.
	StartTimeout time.Duration
}

// DefaultTimeout is the default of Options.Timeout.
const DefaultTimeout = 30 * time.Second

// Program is a target in another process, which was started here or is joined.
type Program struct {
	spec     Spec
	process  *Process // nil: joined
	name     string
	began    time.Time // when it was started or joined
	supports [scenarios.NumOps]bool
	watch    *watchdog
	failed   atomic.Pointer[failure] // the first one
	closing  sync.Once
	closeErr error // result of Close

	mu      sync.Mutex  // protects the following
	control *conn       // control connection; nil before the first request
	group   child.Group // processes of the group at the last reset
}

var (
	_ scenarios.Target        = (*Program)(nil)
	_ scenarios.UsageReporter = (*Program)(nil)
)

// Start starts or joins the program and sends hello. ctx applies to the start only.
func Start(ctx context.Context, s Spec, o Options) (*Program, error) {
	p := &Program{spec: s, name: s.String(), began: time.Now(), watch: newWatchdog(cmp.Or(o.Timeout, DefaultTimeout))}
	err := p.start(ctx, o)
	if err != nil {
		_ = p.Close() // err is more important
		return nil, err
	}
	return p, nil
}

func (p *Program) start(ctx context.Context, o Options) (err error) {
	if len(p.spec.Command) > 0 {
		if p.process, err = Launch(ctx, p.spec.Command, o); err != nil {
			return err
		}
		p.name = cmp.Or(p.process.Announced.Name, p.name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.hello(ctx); err != nil {
		return err
	}
	p.findProcesses()
	return nil
}

// hello reads the program's name and operations.
func (p *Program) hello(ctx context.Context) error {
	var h struct {
		Version *int64   `json:"sessbench"`
		Name    string   `json:"name"`
		Ops     []string `json:"ops"`
	}
	const want = `{"sessbench":1,"name":"NAME","ops":["create",...]}`
	line, err := p.send(ctx, "hello")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &h); err != nil || h.Version == nil || h.Ops == nil {
		return fmt.Errorf("%s: its answer to hello is %s: want %s", p.name, excerpt(line), want)
	}
	if err := checkVersion(*h.Version); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if printable.Name(h.Name) == "" {
		return fmt.Errorf(`%s: its answer to hello is %s: want a printable "name"`, p.name, excerpt(line))
	}
	if !slices.Contains(h.Ops, "reset") {
		return fmt.Errorf(`%s: its answer to hello does not list "reset", which is required`, p.name)
	}
	p.name = printable.Name(h.Name)
	for op := range p.supports {
		p.supports[op] = inProtocol(scenarios.Op(op)) && slices.Contains(h.Ops, operations[op].name)
	}
	return nil
}

// Name returns the program's name, or its [Spec] before it has sent one.
func (p *Program) Name() string { return p.name }

// Supports implements [scenarios.Target] with the operations in the answer to hello.
func (p *Program) Supports(op scenarios.Op) bool { return p.supports[op] }

// CheckOpenFiles returns an [openfiles.Error] if the program's limit of open files is too low for so many users and the
// control connection. See [Process.CheckOpenFiles].
func (p *Program) CheckOpenFiles(users int) error {
	if p.process == nil {
		return nil
	}
	return p.process.CheckOpenFiles(users + 1)
}

// Stderr returns the beginning and the end of the program's stderr so far; empty if it is joined.
func (p *Program) Stderr() string {
	if p.process == nil {
		return ""
	}
	return p.process.Stderr()
}

// Connect implements [scenarios.Target].
func (p *Program) Connect(ctx context.Context) (scenarios.Conn, error) {
	c, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (p *Program) connect(ctx context.Context) (*conn, error) {
	at := p.spec
	if p.process != nil {
		at = p.process.Announced.Spec
	}
	dialing, cancel := context.WithTimeout(ctx, p.watch.timeout)
	defer cancel()
	nc, err := at.Dial(dialing)
	if err == nil {
		c := &conn{p: p, nc: nc}
		p.watch.add(c)
		return c, nil
	}
	if ctx.Err() != nil {
		return nil, manager.NotApplied(context.Cause(ctx))
	}
	err = openfiles.Explain(err, openfiles.Usual)
	if _, limit := errors.AsType[*openfiles.Error](err); limit { // the program is not affected
		return nil, manager.NotApplied(err)
	}
	return nil, manager.NotApplied(p.lost("", err))
}

// lost records the failure of a connection. The process of a crashed program ends shortly after its connections, so
// lost waits for it.
func (p *Program) lost(request string, cause error) *failure {
	f := &failure{program: p.name, request: request, cause: cause}
	if p.process != nil {
		select {
		case <-p.process.Ended():
			<-p.process.Exited() // all of stderr has been read
		case <-time.After(child.DrainLimit):
		}
		if f.status = p.process.Status(); f.status != "" {
			f.inFlight = p.watch.inFlight(p.process.EndedAt().Sub(p.began))
		}
		// A connection is watched until its loss is recorded, so the first failure has all requests in flight.
		if first := p.failed.Load(); first != nil {
			f.inFlight = first.inFlight
		}
	}
	return p.record(f)
}

// record adds stderr to f, and keeps f if it is the first failure.
func (p *Program) record(f *failure) *failure {
	f.stderr = p.Stderr()
	p.failed.CompareAndSwap(nil, f)
	return f
}

// send sends a request without arguments on the control connection, which is opened again if the last request was
// cancelled. The answer is valid until the next request. p.mu is held.
func (p *Program) send(ctx context.Context, request string) ([]byte, error) {
	if p.control != nil && p.control.dead != nil {
		_ = p.control.Close()
		p.control = nil
	}
	if p.control == nil {
		c, err := p.connect(ctx)
		if err != nil {
			return nil, err
		}
		p.control = c
	}
	c := p.control
	if err := c.checkIdle(); err != nil {
		return nil, manager.NotApplied(c.fail(request, err))
	}
	c.out = append(append(append(c.out[:0], `{"op":"`...), request...), "\"}\n"...)
	return c.exchange(ctx, &request, 0)
}

// Reset implements [scenarios.Target].
func (p *Program) Reset(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := p.send(ctx, "reset")
	if err != nil {
		return withoutAnswer(scenarios.Sweep, err)
	}
	p.findProcesses()
	var nothing struct{}
	return p.control.decode("reset", line, &nothing)
}

// Census implements [scenarios.Target].
func (p *Program) Census(ctx context.Context) (manager.Census, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := p.send(ctx, "census")
	if err != nil {
		return manager.Census{}, withoutAnswer(scenarios.Read, err)
	}
	var c struct {
		Sessions       *uint32
		Locks, Threads uint32
	}
	err = p.control.decode("census", line, &c)
	if err == nil && c.Sessions == nil {
		err = p.control.violation("census", line, errors.New(`want "sessions"`))
	}
	if err != nil {
		return manager.Census{}, err
	}
	return manager.Census{Sessions: int(*c.Sessions), Locks: int(c.Locks), Goroutines: int(c.Threads)}, nil
}

// findProcesses finds the processes of the program's group, which is too slow for the measured window.
func (p *Program) findProcesses() {
	if p.process != nil {
		p.group.Find(p.process.Pid())
	}
}

// Usage implements [scenarios.UsageReporter]: processor time, in steps of 10 ms, and memory of the process group. The group
// is that of the last reset; the time of processes that started later is added when they end and are waited for. Shared
// memory counts in each process. Usage returns ErrUnsupported for a joined program, and on other systems than Linux.
func (p *Program) Usage() (scenarios.TargetUsage, error) {
	if p.process == nil {
		return scenarios.TargetUsage{}, scenarios.ErrUnsupported
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := p.group.Usage()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return scenarios.TargetUsage{}, scenarios.ErrUnsupported
	case err != nil:
		return scenarios.TargetUsage{}, fmt.Errorf("%s: processor time and memory: %w", p.name, err)
	}
	return scenarios.TargetUsage(u), nil
}

// Close implements [scenarios.Target]. It closes all connections, and the stdin of a program that was started here. If
// its process group has not ended within two seconds, Close kills it and returns an error.
func (p *Program) Close() error {
	p.closing.Do(func() {
		p.watch.close()
		if p.process != nil {
			p.closeErr = p.process.Close()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.group.Close()
	})
	return p.closeErr
}
