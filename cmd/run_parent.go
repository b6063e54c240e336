package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	childproc "github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
)

// measurer is the processes that perform the tasks of a run: one, and another one in its place when it is gone. It judges
// whose store crashed a process.
//
// A crash proves that a store is wrong only if no other store had run in the process: goroutines that an earlier one has
// left behind may have caused it. Otherwise the task is performed again, in a process where the store is alone. A crash
// there convicts the store. If there is none the outcome counts; the store has processes of its own from then on, so that
// the next crash convicts it; and the run ends with what is not known: a row with a remark, and exit code 3.
// That a process was killed from outside, or out of memory, proves nothing. Where that happens again to a store alone, the
// store is given up: it has no further trials, its row is not ranked, and the exit code is 3, too.
type measurer struct {
	*common
	tape *trace.Tape // of recorded traffic; nil: none

	targets  *targetsRequest // what each process is sent first, as far as it is known
	subjects *subjectsRequest
	plan     *planRequest

	scenarios []scenarios.Scenario
	process   *measuringProcess // nil: there is none at the moment
	alone     map[int]bool      // the subjects that have processes of their own
	convicted map[int]*crash
	givenUp   map[int]*crash // by subject
	open      []*crash       // crashes not attributed to a store
	problem   error          // how closing failed
	written   bool           // the document, so that it cannot be changed any more
}

// ownStreams reports whether this process is the command line and nothing else. Callers with streams of their own, such as
// tests, may be programs that cannot be started again.
func (a *app) ownStreams() bool {
	return a.in == io.Reader(os.Stdin) && a.out == io.Writer(os.Stdout) && a.err == io.Writer(os.Stderr)
}

func newMeasurer(o *common, targets *targetOptions, tape *trace.Tape) *measurer {
	m := &measurer{common: o, tape: tape, alone: map[int]bool{}, convicted: map[int]*crash{}, givenUp: map[int]*crash{}}
	m.targets = &targetsRequest{Options: *targets}
	return m
}

// openTargets has the programs started.
func (m *measurer) openTargets(ctx context.Context) (list []namedTarget, all opened, err error) {
	if len(m.targets.Options.Targets) == 0 {
		return nil, nil, nil
	}
	m.targets.Specs = m.targets.Options.Targets
	reply, err := m.request(ctx, measureRequest{Targets: m.targets})
	if err != nil {
		return nil, nil, err
	}
	for i, o := range reply.Opened {
		list = append(list, namedTarget{o.target(i), o.Name, o.Note})
	}
	return list, nil, nil
}

// openSubjects has what the subjects need opened, and completes cfg with what was found out.
func (m *measurer) openSubjects(ctx context.Context, cfg *runner.Config, protocol bool) error {
	q := &subjectsRequest{Redis: m.redis, Protocol: protocol}
	for i := range cfg.Subjects {
		s := &cfg.Subjects[i]
		of := measuredSubject{Label: s.Label, Params: s.Params, Target: -1, Lists: m.listOptions(s, cfg.Scenarios)}
		if t, ok := s.Target.(indexed); ok {
			of.Target = t.number()
		} else {
			of.Strategy = s.Strategy.Name
		}
		q.Subjects = append(q.Subjects, of)
	}
	reply, err := m.request(ctx, measureRequest{Subjects: q})
	m.subjects = q
	switch {
	case ctx.Err() != nil:
		return nil // the run will find out, and what to say about it
	case err != nil:
		return err
	}
	for i, o := range reply.Opened {
		if o.There {
			cfg.Subjects[i].Target = o.target(-1)
		}
	}
	if protocol {
		cfg.Protocol = openedTarget{Metered: true}.target(-1)
	}
	return nil
}

// prepare has everything else prepared that is in cfg.
func (m *measurer) prepare(ctx context.Context, cfg runner.Config) error {
	q := &planRequest{
		Scenarios: cfg.Scenarios, Warmup: cfg.Warmup, Window: cfg.Window, Seed: cfg.Seed,
		Record: cfg.Record, Speed: cfg.Speed, Patience: cfg.Patience,
	}
	if m.tape != nil {
		var err error
		if q.Tape, err = m.tape.Index(); err != nil {
			return err
		}
		_, q.TapeName = m.tape.File()
		q.Inherited = q.TapeName == ""
	}
	if _, err := m.request(ctx, measureRequest{Plan: q}); err != nil && ctx.Err() == nil {
		return err
	}
	m.plan, m.scenarios = q, cfg.Scenarios
	return nil
}

// request makes a request that no store is involved in.
func (m *measurer) request(ctx context.Context, q measureRequest) (measureReply, error) {
	p, err := m.running(ctx)
	if err != nil {
		return measureReply{}, err
	}
	return p.request(ctx, q)
}

// running returns a process that has been sent everything that is known. On Windows that cannot be this very build's file
// if another one has taken its place.
func (m *measurer) running(ctx context.Context) (*measuringProcess, error) {
	if m.process != nil {
		return m.process, nil
	}
	p, err := startMeasuring(m.err, m.tape)
	if err != nil {
		return nil, fmt.Errorf("start a process to measure in: %w", err)
	}
	m.process = p
	var first []measureRequest
	if m.subjects != nil && m.targets.Specs != nil {
		m.targets.Restart = true
		first = append(first, measureRequest{Targets: m.targets})
	}
	if m.subjects != nil {
		first = append(first, measureRequest{Subjects: m.subjects})
	}
	if m.plan != nil {
		first = append(first, measureRequest{Plan: m.plan})
	}
	for _, q := range first {
		if _, err := p.request(ctx, q); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// retire ends the process, if there is one. The next task gets another one.
func (m *measurer) retire() {
	if m.process == nil {
		return
	}
	p := m.process
	m.process = nil
	err := p.close(m.targets.Specs)
	if p.crash != nil {
		err = m.judge(p.crash, false)
	}
	m.problem = errors.Join(m.problem, err)
}

// close ends the process, and tells how closing what was opened failed.
func (m *measurer) close() error {
	m.written = true
	m.retire()
	err := m.problem
	m.problem = nil
	return err
}

// perform is the run's [runner.Elsewhere].
func (m *measurer) perform(ctx context.Context, t runner.Task, tell func(runner.Preparing)) (runner.Outcome, error) {
	for {
		if c := m.convicted[t.Subject]; c != nil {
			return runner.Outcome{Fault: &runner.Fault{Kind: crashKind, Detail: c.why, Final: true}}, nil
		}
		if c := m.givenUp[t.Subject]; c != nil {
			if t.Kind == runner.TrialTask { // whose row says so
				m.forget(t.Subject)
			}
			why := "the process that measured it alone was ended from outside again: " + c.why
			return runner.Outcome{Undecided: why}, nil
		}
		if m.alone[t.Subject] {
			m.retire()
		}
		p, err := m.running(ctx)
		if err != nil {
			return runner.Outcome{}, err
		}
		out, crashed, err := p.perform(ctx, t, tell)
		switch {
		case err != nil:
			return out, err
		case crashed == nil:
			m.strike(t, out)
			m.retried(t.Subject)
			if m.alone[t.Subject] || out.Behind {
				m.retire()
			}
			return out, nil
		}
		m.process = nil
		if err := m.judge(crashed, true); err != nil {
			return out, err
		}
	}
}

// strike keeps a program that failed from being started again with the next process.
func (m *measurer) strike(t runner.Task, out runner.Outcome) {
	if t.Kind != runner.TrialTask || out.Fault == nil || t.Subject < 0 {
		return
	}
	if at := m.subjects.Subjects[t.Subject].Target; at >= 0 {
		m.targets.Specs = slices.Clone(m.targets.Specs)
		m.targets.Specs[at] = ""
	}
}

// judge notes what a crash proves. again says that the task it happened in is performed again. The error is that the run
// cannot go on: it is no store's crash.
func (m *measurer) judge(c *crash, again bool) error {
	if c.mute {
		return fmt.Errorf("%s: the process that measures could not answer: %s", m.called(c), c.why)
	}
	alone := len(c.others) == 0 && m.alone[c.subject]
	store := c.subject >= 0 && m.subjects.Subjects[c.subject].Target < 0 && m.subjects.Subjects[c.subject].Lists == nil
	switch {
	case store && len(c.others) == 0 && !c.killed:
		m.convicted[c.subject] = c
		m.forget(c.subject)
		then := "its row is struck"
		if m.written {
			then = "its row had been written by then"
		}
		m.report(c, then)
		return nil
	case alone && c.killed && c.subject >= 0:
		m.givenUp[c.subject] = c
		m.open = append(m.open, c)
		m.report(c, "it is given up")
		return nil
	case alone:
		return fmt.Errorf("%s: the process that measures crashed: %s", m.called(c), c.why)
	}
	m.alone[c.subject] = true
	m.open = append(m.open, c)
	then := "it has a process of its own from now on"
	if again {
		then = "it is measured again in a process of its own"
	}
	m.report(c, then)
	return nil
}

// forget drops the crashes of a subject that are explained by now.
func (m *measurer) forget(subject int) {
	m.open = slices.DeleteFunc(m.open, func(c *crash) bool { return c.subject == subject })
}

// retried notes that a subject was measured without a crash: alone, if there are crashes of its.
func (m *measurer) retried(subject int) {
	for _, c := range m.open {
		c.retried = c.retried || c.subject == subject
	}
}

// report tells of a crash, with the stack of the goroutine that crashed.
func (m *measurer) report(c *crash, then string) {
	m.note("%s: %s: %s; %s", m.called(c), crashKind, c.why, then)
	if c.stack != "" && !m.Quiet {
		fmt.Fprintf(m.err, "%s\n", c.stack)
	}
}

// called is what a crash happened to.
func (m *measurer) called(c *crash) string {
	return m.label(c.subject) + " (" + m.scenarios[c.scenario].Name + ")"
}

func (m *measurer) label(subject int) string {
	if subject < 0 {
		return "the harness's own cost"
	}
	return m.subjects.Subjects[subject].Label
}

// conclude ends the process of a run that no signal has ended, and puts into the document what is in no trial: crashes after
// a store's last trial, and crashes not attributed to a store.
func (m *measurer) conclude(d *result.Document) {
	if d == nil {
		return
	}
	if !d.Interrupted || d.Failure != "" { // else what was measured is to be written before anything else is waited for
		m.retire()
	}
	for i, c := range m.convicted {
		m.strikeLast(d, i, c)
	}
	for _, c := range m.open {
		if c.subject < 0 {
			continue
		}
		for i := range d.Results {
			if r := &d.Results[i]; r.Strategy == m.label(c.subject) && r.Scenario == m.scenarios[c.scenario].Name {
				r.Remark = strings.TrimPrefix(r.Remark+"; "+m.doubt(c), "; ")
			}
		}
	}
}

// strikeLast strikes the row in which a store crashed a process after a trial, unless it had another one, which says so.
func (m *measurer) strikeLast(d *result.Document, subject int, c *crash) {
	for i := range d.Results {
		r := &d.Results[i]
		if r.Strategy != m.label(subject) || r.Scenario != m.scenarios[c.scenario].Name || len(r.Trials) == 0 {
			continue
		}
		a := &r.Trials[len(r.Trials)-1].Audit
		if a.OK {
			a.OK = false
			a.Violations = append(a.Violations, result.Violation{Kind: crashKind, Detail: c.why})
		}
	}
}

// doubt is what is known of a crash that convicted no store.
func (m *measurer) doubt(c *crash) string {
	text := "the process crashed while it was measured: " + c.why + "; "
	if c.retried {
		text += "the crash did not recur with this store alone"
	} else {
		text += "it was not measured again afterwards"
	}
	var before []string
	for _, i := range c.others {
		before = append(before, m.label(i))
	}
	if before != nil {
		text += "; goroutines left by " + strings.Join(before, ", ") + " may have caused it"
	}
	return text
}

// findings is what the exit code depends on besides the document.
func (m *measurer) findings() (found []finding) {
	for _, c := range m.open {
		found = append(found, finding{exitInconclusive, m.called(c) + ": " + m.doubt(c)})
	}
	return found
}

// farTarget stands for a target that the process that measures has opened.
type farTarget struct {
	openedTarget
	index int // among those asked for
}

// indexed is implemented by both kinds of far targets.
type indexed interface{ number() int }

func (t farTarget) number() int { return t.index }

// meteredFar is a farTarget whose processes' cost is known.
type meteredFar struct{ farTarget }

func (o openedTarget) target(index int) scenarios.Target {
	if o.Metered {
		return meteredFar{farTarget{o, index}}
	}
	return farTarget{o, index}
}

var errFar = errors.New("only the process that measures can do that")

func (t farTarget) Supports(op scenarios.Op) bool {
	return int(op) < len(t.openedTarget.Has) && t.openedTarget.Has[op]
}

func (farTarget) Connect(context.Context) (scenarios.Conn, error)    { return nil, errFar }
func (farTarget) Reset(context.Context) error                        { return errFar }
func (farTarget) Census(context.Context) (c manager.Census, _ error) { return c, errFar }
func (farTarget) Close() error                                       { return nil }
func (meteredFar) Usage() (u scenarios.TargetUsage, _ error)         { return u, errFar }

// measuringProcess is a running child.
type measuringProcess struct {
	*childproc.Process
	replies <-chan measureReply // closed when there are no more
	stderr  *crashFilter
	served  []int  // the subjects whose tasks it has begun, each once, the last one last
	at      int    // the scenario of the last of them
	crash   *crash // found when it was closed
}

func startMeasuring(stderr io.Writer, tape *trace.Tape) (*measuringProcess, error) {
	self, err := childproc.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Args = os.Args // [Main]'s callers may look at them, and the first can decide what the program is
	if tape != nil {
		if file, name := tape.File(); name == "" {
			cmd.ExtraFiles = []*os.File{file}
		}
	}
	replies := make(chan measureReply, 1)
	p := &measuringProcess{replies: replies, stderr: &crashFilter{to: stderr}}
	p.Process, err = childproc.Start(cmd, childproc.Options{
		Answers: measureEnv,
		Stderr:  p.stderr,
		Tail:    4 << 10,
		Output: func(r io.Reader) {
			defer close(replies)
			for lines := json.NewDecoder(r); ; {
				var reply measureReply
				switch err := lines.Decode(&reply); {
				case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrClosed):
					return
				case err != nil:
					why := fmt.Sprintf("the process that measures gave a reply that cannot be read: %v", err)
					replies <- measureReply{Failed: why}
					return
				}
				replies <- reply
			}
		},
	})
	return p, err
}

// request makes a request that no store is involved in.
func (p *measuringProcess) request(ctx context.Context, q measureRequest) (measureReply, error) {
	p.send(q)
	select {
	case reply, more := <-p.replies:
		switch {
		case !more:
			p.Kill()
			return reply, fmt.Errorf("the process that measures ended before it had begun: %s", p.ending())
		case reply.Failed != "":
			return reply, errors.New(reply.Failed)
		}
		return reply, nil
	case <-ctx.Done():
		return measureReply{}, context.Cause(ctx)
	}
}

// send sends a request. If the process is gone the replies tell.
func (p *measuringProcess) send(q measureRequest) { _ = json.NewEncoder(p.Input).Encode(q) }

// perform has a task performed. A crash comes in place of an outcome.
func (p *measuringProcess) perform(
	ctx context.Context, t runner.Task, tell func(runner.Preparing),
) (runner.Outcome, *crash, error) {
	p.send(measureRequest{Task: &t})
	for {
		select {
		case reply, more := <-p.replies:
			switch {
			case !more:
				return runner.Outcome{}, p.crashed(), nil
			case reply.Begun:
				p.begun(t)
			case reply.Preparing != nil && tell != nil:
				tell(*reply.Preparing)
			case reply.Outcome != nil:
				p.stderr.release()
				return *reply.Outcome, nil, nil
			case reply.Failed != "":
				return runner.Outcome{}, nil, errors.New(reply.Failed)
			}
		case <-ctx.Done():
			p.Input.Close() // which tells it to stop
			return runner.Outcome{}, nil, context.Cause(ctx)
		}
	}
}

// begun notes whose task is performed now.
func (p *measuringProcess) begun(t runner.Task) {
	p.at = t.Scenario
	p.served = slices.DeleteFunc(p.served, func(i int) bool { return i == t.Subject })
	p.served = append(p.served, t.Subject)
}

// crashed is the crash of a process whose replies have ended. It happened to the last subject that was begun: between two
// tasks, too, the process was last used for that subject.
func (p *measuringProcess) crashed() *crash {
	p.Kill()
	c := &crash{scenario: p.at, subject: -1}
	if n := len(p.served) - 1; n >= 0 {
		c.subject = p.served[n]
		c.others = slices.DeleteFunc(slices.Clone(p.served[:n]), func(i int) bool { return i < 0 })
	}
	p.stderr.end()
	c.explain(p.State(), p.stderr.report(), p.Stderr())
	if c.stack == "" {
		p.stderr.release()
	}
	return c
}

// ending is how the process ended, with its last line on stderr.
func (p *measuringProcess) ending() string {
	c := &crash{}
	p.stderr.end()
	c.explain(p.State(), p.stderr.report(), p.Stderr())
	return c.why
}

// closeLimit is how long a process may take to stop what it does and close what it has opened; closeTarget more for each
// program that it has started.
const (
	closeLimit  = 15 * time.Second
	closeTarget = 3 * time.Second
)

// close ends the process. The error is how closing what it had opened failed. A crash on the way is noted.
func (p *measuringProcess) close(programs []string) error {
	var closed *string
	read := make(chan struct{})
	go func() {
		defer close(read)
		for reply := range p.replies {
			if reply.Closed != nil {
				closed = reply.Closed
			}
		}
	}()
	err := p.Stop(closeLimit + time.Duration(len(programs))*closeTarget)
	<-read
	p.stderr.end()
	switch {
	case err != nil:
		return fmt.Errorf("the process that measures %w", err)
	case closed == nil:
		if len(p.served) > 0 {
			p.crash = p.crashed()
		}
		return nil
	}
	p.stderr.release()
	switch {
	case *closed != "":
		return errors.New(*closed)
	case !p.State().Success(): // as the race detector ends a process in which it has found something
		return fmt.Errorf("the process that measures ended with %s", p.State())
	}
	return nil
}
