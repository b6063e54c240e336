package httptarget

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Options configures a service. The zero value is ready to use.
type Options struct {
	// Timeout is the time within which a request must be answered. Default 30 s.
	Timeout time.Duration

	// StartTimeout limits the time from the start until the service is ready. Default 1 minute.
	StartTimeout time.Duration
}

const (
	defaultTimeout      = 30 * time.Second
	defaultStartTimeout = time.Minute
)

// Target is a service that a mapping describes. Its methods are safe for concurrent use.
type Target struct {
	m        *Mapping
	o        Options
	began    time.Time
	workers  []*worker
	sessions table
	users    atomic.Int64
	vars     map[string]value // captured by requests that belong to no session, while no operation is running

	latest   atomic.Int64           // when the latest answer came, in nanoseconds since began
	starting atomic.Bool            // it is not expected to answer yet
	failed   atomic.Pointer[outage] // the first one
	closing  sync.Once
	closeErr error // result of Close
}

var (
	_ scenarios.Target        = (*Target)(nil)
	_ scenarios.UsageReporter = (*Target)(nil)
	_ scenarios.Restarter     = (*Target)(nil)
	_ scenarios.IDReuser      = (*Target)(nil)
)

// Start starts the service if the mapping says how, waits until it is ready, and sends the requests of setup. ctx applies to that
// only.
func Start(ctx context.Context, m *Mapping, o Options) (*Target, error) {
	o.Timeout, o.StartTimeout = cmp.Or(o.Timeout, defaultTimeout), cmp.Or(o.StartTimeout, defaultStartTimeout)
	t := &Target{m: m, o: o, began: time.Now()}
	if err := t.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", m.Path, err), t.Close())
	}
	return t, nil
}

func (t *Target) start(ctx context.Context) error {
	if err := t.findWorkers(); err != nil {
		return err
	}
	if err := t.launch(ctx); err != nil {
		return err
	}
	return t.send(ctx, t.m.Setup)
}

// launch starts the processes and waits until they are ready.
func (t *Target) launch(ctx context.Context) error {
	t.starting.Store(true)
	defer t.starting.Store(false)
	for _, w := range t.workers {
		if err := w.launch(); err != nil {
			return err
		}
	}
	for i := range t.workers {
		if err := t.awaitReady(ctx, i); err != nil {
			return err
		}
	}
	t.findProcesses()
	return nil
}

func (t *Target) findProcesses() {
	for _, w := range t.workers {
		w.findProcesses()
	}
}

// Restart kills the processes of the service, as a crash does, and starts them again. Until it returns, requests that are not sent are not
// applied. It returns [scenarios.ErrUnsupported] if the service was not started here.
func (t *Target) Restart(ctx context.Context) error {
	if len(t.m.Start) == 0 {
		return scenarios.ErrUnsupported
	}
	t.starting.Store(true)
	for _, w := range t.workers {
		w.kill()
	}
	return t.launch(ctx)
}

// findWorkers finds the addresses of the service, with free ports where the mapping asks for them, and the commands that start it: one
// for each of the workers, where the mapping has a number of them, or else one for all addresses.
func (t *Target) findWorkers() error {
	started := []*Mapping{t.m}
	if t.m.NeedsPort {
		ports, err := freePorts(max(1, t.m.Workers))
		if err != nil {
			return err
		}
		started = nil
		for _, port := range ports {
			m, err := t.m.withPort(port)
			if err != nil {
				return err
			}
			started = append(started, m)
		}
	}
	all := *started[0]
	all.Bases, t.m = nil, &all
	for _, m := range started {
		for i, base := range m.Bases {
			w := &worker{base: base}
			if i == 0 {
				w.words, w.dir = m.Start, filepath.Dir(m.Path)
			}
			t.workers, all.Bases = append(t.workers, w), append(all.Bases, base)
		}
	}
	return nil
}

// keep keeps a captured variable for all sessions.
func (t *Target) keep(name string, v value) {
	if t.vars == nil {
		t.vars = map[string]value{}
	}
	t.vars[name] = v
}

// freePorts returns different ports on which nothing listens.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, listening := net.Listen("tcp", "127.0.0.1:0")
		if listening != nil {
			return nil, listening
		}
		defer func() { err = errors.Join(err, l.Close()) }() // not before all are found
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// awaitReady waits until the service answers at a worker.
func (t *Target) awaitReady(ctx context.Context, worker int) error {
	const again = 50 * time.Millisecond
	ctx, cancel := context.WithTimeoutCause(ctx, t.o.StartTimeout, fmt.Errorf("not ready after %v", t.o.StartTimeout))
	defer cancel()
	for {
		err := t.ready(ctx, worker)
		if err == nil {
			return nil
		}
		if gone := t.workers[worker].gone(); gone != nil {
			return gone
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w%s", context.Cause(ctx), err, t.workers[worker].complaint())
		case <-time.After(again):
		}
	}
}

// ready sends the request that the mapping has for it, or only connects.
func (t *Target) ready(ctx context.Context, worker int) error {
	if t.m.Ready == nil {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address(t.workers[worker].base))
		if err != nil {
			return err
		}
		return c.Close()
	}
	c := t.newConn()
	c.turn = worker - 1 + len(t.workers)
	defer c.Close()
	return c.step(ctx, t.m.Ready)
}

// address is the host and port of a URL.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// send sends requests that belong to no session, in order. Each must succeed.
func (t *Target) send(ctx context.Context, steps []*step) error {
	c := t.newConn()
	defer c.Close()
	for _, s := range steps {
		if err := c.step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Name returns the name in the mapping.
func (t *Target) Name() string { return t.m.Name }

// CheckOpenFiles returns an error if a service that was started here may not have so many connections.
func (t *Target) CheckOpenFiles(users int) error {
	for _, w := range t.workers {
		if err := w.checkOpenFiles(users); err != nil {
			return err
		}
	}
	return nil
}

// Supports implements [scenarios.Target]: the operations that the mapping has, and those that others of it can take the place of.
func (t *Target) Supports(op scenarios.Op) bool { return t.operation(op) != nil }

// operation returns how the service performs an operation, or nil. Where one of create and get_or_create is missing, the other does
// it: a session of a fresh id is created either way.
func (t *Target) operation(op scenarios.Op) *operation {
	of := t.m.Operations[op]
	switch {
	case of != nil:
	case op == scenarios.GetOrCreate:
		return t.m.Operations[scenarios.Create]
	case op == scenarios.Create && t.m.Session.client:
		return t.m.Operations[scenarios.GetOrCreate]
	}
	return of
}

// ReusesIDs reports whether the service takes ids from its users, so that a session can be created again under the id of one that was
// deleted.
func (t *Target) ReusesIDs() bool { return t.m.ReusesIDs() }

// ReusesIDs reports whether the service takes ids from its users: see [Target.ReusesIDs].
func (m *Mapping) ReusesIDs() bool { return m.Session.client }

// adopt makes the session of an id that we have chosen, which the service may have or not.
func (t *Target) adopt(p *entry, id manager.ID) {
	if p.current.Load() != nil {
		return
	}
	s := t.sessions.newSession(p.slot)
	s.state.Store(&state{id: value{text: id.String()}})
	p.current.CompareAndSwap(nil, s)
}

// Connect implements [scenarios.Target]. Connections are opened when they are needed.
func (t *Target) Connect(context.Context) (scenarios.Conn, error) {
	if f := t.failed.Load(); f != nil {
		return nil, manager.NotApplied(f)
	}
	return t.newConn(), nil
}

func (t *Target) newConn() *conn {
	user := int(t.users.Add(1)) - 1
	return &conn{t: t, user: user, turn: user, way: newExchanger(t.m.Bases, clientOptions{timeout: t.o.Timeout, http2: t.m.HTTP2, tls: t.m.TLS}), ask: &scenarios.Request{}}
}

// Reset implements [scenarios.Target]: by the requests of reset, or else by deleting the sessions that this target created and that
// have not been deleted. Without either, they stay in the service.
func (t *Target) Reset(ctx context.Context) error {
	left := t.sessions.clear()
	t.users.Store(0)
	t.findProcesses()
	switch {
	case t.failed.Load() != nil:
		return manager.NotApplied(t.failed.Load())
	case len(t.m.Reset) > 0:
		return t.send(ctx, t.m.Reset)
	case t.m.Operations[scenarios.Delete] == nil:
		return nil
	}
	c := t.newConn()
	defer c.Close()
	var e scenarios.Effect
	for _, s := range left {
		c.ask, c.session = &scenarios.Request{Op: scenarios.Delete}, s
		if err := c.perform(ctx, &e); errors.Is(err, scenarios.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
	}
	t.users.Store(0)
	return nil
}

// Census implements [scenarios.Target]: a service does not say what it keeps.
func (t *Target) Census(context.Context) (manager.Census, error) {
	return manager.Census{}, scenarios.ErrUnsupported
}

// Usage implements [scenarios.UsageReporter]: processor time and memory of the processes that were started here.
func (t *Target) Usage() (sum scenarios.TargetUsage, err error) {
	err = scenarios.ErrUnsupported
	for _, w := range t.workers {
		if len(w.words) == 0 { // another one's command serves its address, too
			continue
		}
		var u scenarios.TargetUsage
		if u, err = w.usage(); err != nil {
			return scenarios.TargetUsage{}, err
		}
		sum.CPU += u.CPU
		sum.Memory += u.Memory
	}
	return sum, err
}

// Close implements [scenarios.Target]. It sends the requests of teardown and stops what was started here.
func (t *Target) Close() error {
	t.closing.Do(func() {
		if t.failed.Load() == nil && len(t.m.Teardown) > 0 {
			ctx, cancel := context.WithTimeout(context.Background(), t.o.Timeout)
			defer cancel()
			t.closeErr = t.send(ctx, t.m.Teardown)
		}
		for _, w := range t.workers {
			w.stop()
		}
	})
	return t.closeErr
}

// now is the time in nanoseconds since the start.
func (t *Target) now() int64 { return int64(time.Since(t.began)) }

// answered notes that an answer came.
func (t *Target) answered() {
	if now := t.now(); now-t.latest.Load() > int64(latestStep) { // rarely written, since users share it
		t.latest.Store(now)
	}
}

// latestStep is how exactly the time of the latest answer is known.
const latestStep = 10 * time.Millisecond

// lost returns the error of a request without an answer. A worker that has ended, refuses connections, or has answered nothing to any
// user while the request waited makes the service unavailable.
func (t *Target) lost(ctx context.Context, worker int, s *step, sent int64, err error) error {
	notSent := errors.Is(err, errNotSent)
	var f *outage
	switch gone := t.workers[worker].gone(); {
	case ctx.Err() != nil || t.starting.Load():
	case gone != nil:
		f = &outage{target: t.m.Name, request: s.String(), cause: gone}
	case problemOf(err) == problemRefused:
		f = &outage{target: t.m.Name, request: s.String(), cause: err, stderr: t.workers[worker].complaint()}
	case problemOf(err) == problemTooSlow && t.latest.Load() < sent:
		f = &outage{target: t.m.Name, request: s.String(), hang: t.o.Timeout, cause: err, stderr: t.workers[worker].complaint()}
	}
	if f != nil {
		t.failed.CompareAndSwap(nil, f)
		err = f
	} else {
		err = fmt.Errorf("%s: %w", s, err)
	}
	if notSent {
		return manager.NotApplied(err)
	}
	return err
}

// outage is how a service stopped being usable. It wraps [scenarios.ErrUnavailable] and its cause.
type outage struct {
	target, request string
	hang            time.Duration // time without any answer
	cause           error
	stderr          string
}

func (f *outage) Error() string {
	if f.hang > 0 {
		return fmt.Sprintf("%s: hang: no answer to %s for %v (--target-timeout)%s", f.target, f.request, f.hang, f.stderr)
	}
	return fmt.Sprintf("%s: at %s: %v%s", f.target, f.request, f.cause, f.stderr)
}

// Unwrap returns [scenarios.ErrUnavailable] and the cause.
func (f *outage) Unwrap() []error { return []error{scenarios.ErrUnavailable, f.cause} }
