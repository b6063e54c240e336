package adapter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/printable"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Options are how to treat a program. The zero value is fine.
type Options struct {
	// Timeout is how long it may answer nobody who waits, beyond the longest work that it was asked to do under the lock:
	// after that it hangs. It also hangs when it leaves one request without an answer for ten times as long, beyond all such
	// work, while it answers others. 0: 30 s. It is looked at every now and then, so that a hang is noticed up to a tenth
	// of it, or a second, later.
	Timeout time.Duration

	// StartTimeout is how long it may take to announce itself. 0: a minute.
	StartTimeout time.Duration

	// Stderr is how much is kept of either end of what it says there, in bytes. 0: 4 KiB.
	Stderr int
}

// DefaultTimeout is how long a program may answer nobody, beyond the work that it was asked to do under the lock.
const DefaultTimeout = 30 * time.Second

func (o Options) timeout() time.Duration    { return cmp.Or(o.Timeout, DefaultTimeout) }
func (o Options) startLimit() time.Duration { return cmp.Or(o.StartTimeout, startLimit) }
func (o Options) stderr() int               { return cmp.Or(o.Stderr, 4<<10) }

// Program is a program in another language as a target: one that was started, or one that runs already.
type Program struct {
	spec    Spec
	process *Process // nil: somebody else started it
	name    string
	began   time.Time // it was started or joined
	has     [scenarios.NumOps]bool
	watch   *watchdog
	gone    atomic.Pointer[Gone] // the first that was seen
	ending  sync.Once
	ended   error // what Close came to

	mu      sync.Mutex // protects what follows
	control *conn      // for one request at a time; nil before the first
	group   group      // its processes, as they were when it was last idle
}

var (
	_ scenarios.Target        = (*Program)(nil)
	_ scenarios.UsageReporter = (*Program)(nil)
)

// Start starts the program, or joins one that runs already, and asks it what it can do. ctx is for the start alone.
func Start(ctx context.Context, s Spec, o Options) (*Program, error) {
	p := &Program{spec: s, name: s.String(), began: time.Now(), watch: newWatchdog(o.timeout())}
	err := p.start(ctx, o)
	if err != nil {
		_ = p.Close() // of less interest
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
	p.recount()
	return nil
}

// hello learns the program's name and what it can do.
func (p *Program) hello(ctx context.Context) error {
	var h struct {
		Version *int64   `json:"sessbench"`
		Name    string   `json:"name"`
		Ops     []string `json:"ops"`
	}
	const want = `{"sessbench":1,"name":"NAME","ops":["create",...]}`
	line, err := p.tell(ctx, "hello")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(line, &h); err != nil || h.Version == nil || h.Ops == nil {
		return fmt.Errorf("%s: its answer to hello is %s: want %s", p.name, excerpt(line), want)
	}
	if err := wantVersion(*h.Version); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	if printable.Name(h.Name) == "" {
		return fmt.Errorf(`%s: its answer to hello is %s: want "name" as what tables call it`, p.name, excerpt(line))
	}
	if !slices.Contains(h.Ops, "reset") {
		return fmt.Errorf(`%s: its answer to hello does not list "reset": it is not optional`, p.name)
	}
	p.name = printable.Name(h.Name)
	for op, name := range opNames {
		for _, known := range h.Ops {
			p.has[op] = p.has[op] || known == name
		}
	}
	return nil
}

// Name is what the program calls itself, or else how it was asked for.
func (p *Program) Name() string { return p.name }

// Supports implements [scenarios.Target], by what the program says.
func (p *Program) Supports(op scenarios.Op) bool { return p.has[op] }

// Err is how the program ceased to be a target, as the first user to notice saw it; nil as long as nobody did.
func (p *Program) Err() error {
	if g := p.gone.Load(); g != nil {
		return g
	}
	return nil
}

// CheckOpenFiles returns an [openfiles.Error] when the program may not have a connection for each of so many users, and the
// control connection, where that is known. See [Process.CheckOpenFiles].
func (p *Program) CheckOpenFiles(users int) error {
	if p.process == nil {
		return nil
	}
	return p.process.CheckOpenFiles(users + 1)
}

// Stderr is the beginning and the end of what the program said there so far; empty where somebody else started it.
func (p *Program) Stderr() string {
	if p.process == nil {
		return ""
	}
	return p.process.Stderr()
}

// Connect opens a user's own connection.
func (p *Program) Connect(ctx context.Context) (scenarios.Conn, error) {
	c, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (p *Program) connect(ctx context.Context) (*conn, error) {
	where := p.spec
	if p.process != nil {
		where.Network, where.Address = p.process.Announced.Network, p.process.Announced.Address
	}
	dialer := net.Dialer{Timeout: p.watch.timeout}
	nc, err := dialer.DialContext(ctx, where.Network, where.Address) // TCP has no delay then
	if err == nil {
		c := &conn{p: p, nc: nc}
		p.watch.add(c)
		return c, nil
	}
	if ctx.Err() != nil {
		return nil, manager.NotApplied(context.Cause(ctx))
	}
	err = openfiles.Explain(err, openfiles.Usual)
	if _, ours := errors.AsType[*openfiles.Error](err); ours { // the program is as it was
		return nil, manager.NotApplied(err)
	}
	return nil, manager.NotApplied(p.lost("", err))
}

// lost is what became of the program when a connection fails. A crash is waited for a moment: the connection ends first.
func (p *Program) lost(asked string, cause error) *Gone {
	g := &Gone{Program: p.name, Asked: asked, Cause: cause}
	if p.process != nil {
		select {
		case <-p.process.died:
			<-p.process.exited // so that what it said last is there, too
		case <-time.After(drainLimit):
		}
		if g.Status = p.process.Status(); g.Status != "" {
			g.InFlight = p.watch.inFlight(p.process.diedAt.Sub(p.began))
		}
		// A connection is under watch until its loss was noted, so that the first who notes it sees all requests in flight.
		if first := p.gone.Load(); first != nil {
			g.InFlight = first.InFlight
		}
	}
	return p.note(g)
}

// note keeps g when it is the first of its kind.
func (p *Program) note(g *Gone) *Gone {
	g.Stderr = p.Stderr()
	p.gone.CompareAndSwap(nil, g)
	return g
}

// tell makes a request that has no arguments on the control connection, which is made anew when the last request was given
// up. The answer is good until the next one.
func (p *Program) tell(ctx context.Context, what string) ([]byte, error) {
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
	if err := c.idle(); err != nil {
		return nil, manager.NotApplied(c.fail(what, err))
	}
	c.out = append(append(append(c.out[:0], `{"op":"`...), what...), "\"}\n"...)
	return c.exchange(ctx, &what, 0)
}

// Reset implements [scenarios.Target].
func (p *Program) Reset(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := p.tell(ctx, "reset")
	if err != nil {
		return unanswered(scenarios.Sweep, err)
	}
	p.recount()
	var nothing struct{}
	return p.control.decode("reset", line, &nothing)
}

// Census implements [scenarios.Target].
func (p *Program) Census(ctx context.Context) (manager.Census, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line, err := p.tell(ctx, "census")
	if err != nil {
		return manager.Census{}, unanswered(scenarios.Read, err)
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

// recount looks which processes there are: too slow for when the clock runs.
func (p *Program) recount() {
	if p.process != nil {
		p.group.recount(p.process.cmd.Process.Pid)
	}
}

// Usage implements [scenarios.UsageReporter]: the processor time and the memory of the process and of its group, as the group was
// when the program was last reset; who has joined it since counts when it has ended. Memory that processes share counts
// in each of them. Time comes in hundredths of a second. ErrUnsupported: somebody else started the program, or this is not
// Linux.
func (p *Program) Usage() (scenarios.TargetUsage, error) {
	if p.process == nil {
		return scenarios.TargetUsage{}, scenarios.ErrUnsupported
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u, err := p.group.usage()
	if err != nil {
		return scenarios.TargetUsage{}, fmt.Errorf("%s: what it uses: %w", p.name, err)
	}
	return u, nil
}

// Close implements [scenarios.Target]. Connections that are still there are closed. A program that was started is told to end,
// and is killed with its process group if it does not within two seconds, which is an error. All of it is gone when it returns.
func (p *Program) Close() error {
	p.ending.Do(func() {
		p.watch.close()
		if p.process != nil {
			p.ended = p.process.Close()
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.group.close()
	})
	return p.ended
}
