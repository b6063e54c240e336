package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Options are the options of a [Supervisor].
type Options struct {
	Stderr io.Writer                        // what the child writes there, crash reports excepted
	Note   func(format string, args ...any) // called for each crash
	Quiet  bool                             // stacks of crashes are not written to Stderr
	Tape   *trace.Tape                      // of recorded traffic; nil: none
}

// Supervisor performs the tasks of a run in a child process, which it replaces when it has crashed. It attributes crashes
// to stores. It is for one goroutine.
//
// A crash proves that a store is wrong only if no other store had run in the process: goroutines that an earlier store has
// left behind may have caused it. Otherwise the task is performed again, in a process where the store is alone. A crash
// there convicts the store. If there is none, the outcome counts; the store has processes of its own from then on, so that
// the next crash convicts it; and the run is inconclusive: the row has a remark, and the exit code is 3.
// A process that was killed from outside, or ran out of memory, proves nothing. If that happens again to a store alone, the
// store is given up: it has no further trials, its row is not ranked, and the exit code is 3, too.
type Supervisor struct {
	Options
	targets  *targetsRequest // the requests that each process is sent first; nil: not known yet
	subjects *subjectsRequest
	plan     *planRequest

	process   *process       // nil: none is running
	alone     map[int]bool   // the subjects that have processes of their own
	convicted map[int]*crash // by subject
	givenUp   map[int]*crash // by subject
	open      []*crash       // crashes not attributed to a store
	problem   error          // of closing processes
	written   bool           // the document has been written
}

// New returns a supervisor without a process. The caller closes it.
func New(o Options) *Supervisor {
	return &Supervisor{Options: o, alone: map[int]bool{}, convicted: map[int]*crash{}, givenUp: map[int]*crash{}}
}

// OpenTargets starts the programs, or connects to those that run.
func (s *Supervisor) OpenTargets(ctx context.Context, t Targets) (list []Target, err error) {
	s.targets = &targetsRequest{Targets: t}
	if len(t.Specs) == 0 {
		return nil, nil
	}
	r, err := s.request(ctx, request{Targets: s.targets})
	for i, o := range r.Opened {
		list = append(list, Target{o.standIn(i), o.Name, o.Note})
	}
	return list, err
}

// OpenSubjects opens what cfg's subjects need, and sets their targets. See [Local.OpenSubjects].
func (s *Supervisor) OpenSubjects(ctx context.Context, cfg *runner.Config, server redis.Options, protocol bool) error {
	q := &subjectsRequest{Redis: server, Protocol: protocol}
	for i := range cfg.Subjects {
		of := &cfg.Subjects[i]
		about := subject{Label: of.Label, Params: of.Params, Target: -1, OwnWork: of.OwnWork, Lists: listsOf(of, cfg.Scenarios)}
		if t, ok := of.Target.(numbered); ok {
			about.Target = t.number()
		} else {
			about.Strategy = of.Strategy.Name
		}
		q.Subjects = append(q.Subjects, about)
	}
	r, err := s.request(ctx, request{Subjects: q})
	s.subjects = q
	switch {
	case ctx.Err() != nil:
		return nil // the run returns it
	case err != nil:
		return err
	}
	for i, o := range r.Opened {
		if o.There {
			cfg.Subjects[i].Target = o.standIn(-1)
		}
	}
	if protocol {
		cfg.Protocol = openedTarget{Metered: true}.standIn(-1)
	}
	return nil
}

// Prepare prepares everything else that is in cfg.
func (s *Supervisor) Prepare(ctx context.Context, cfg runner.Config) error {
	q := &planRequest{Config: cfg, Live: cfg.Live != nil}
	if s.Tape != nil {
		var err error
		if q.Tape, err = s.Tape.Index(); err != nil {
			return err
		}
		_, q.TapeName = s.Tape.File()
	}
	if _, err := s.request(ctx, request{Plan: q}); err != nil && ctx.Err() == nil {
		return err
	}
	s.plan = q
	return nil
}

// request makes a request that no store is involved in.
func (s *Supervisor) request(ctx context.Context, q request) (reply, error) {
	p, err := s.running(ctx)
	if err != nil {
		return reply{}, err
	}
	return p.request(ctx, q)
}

// running returns a process that has been sent everything that is known.
func (s *Supervisor) running(ctx context.Context) (*process, error) {
	if s.process != nil {
		return s.process, nil
	}
	p, err := start(s.Stderr, s.Tape)
	if err != nil {
		return nil, fmt.Errorf("start a process to measure in: %w", err)
	}
	s.process = p
	var first []request
	if s.subjects != nil {
		if s.targets != nil && len(s.targets.Specs) > 0 {
			s.targets.Restart = true
			first = append(first, request{Targets: s.targets})
		}
		first = append(first, request{Subjects: s.subjects})
	}
	if s.plan != nil {
		first = append(first, request{Plan: s.plan})
	}
	for _, q := range first {
		if _, err := p.request(ctx, q); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// retire ends the process, if there is one. The next task gets another one.
func (s *Supervisor) retire() {
	if s.process == nil {
		return
	}
	p, programs := s.process, 0
	s.process = nil
	if s.targets != nil {
		programs = len(s.targets.Specs)
	}
	crashed, err := p.close(programs)
	if crashed != nil {
		err = s.attribute(crashed, false)
	}
	s.problem = errors.Join(s.problem, err)
}

// Close ends the process. The error is that of closing what it had opened.
func (s *Supervisor) Close() error {
	s.written = true
	s.retire()
	err := s.problem
	s.problem = nil
	return err
}

// Perform is the run's [runner.Executor].
func (s *Supervisor) Perform(ctx context.Context, t runner.Task, on runner.Callbacks) (runner.Outcome, error) {
	for {
		if c := s.convicted[t.Subject]; c != nil {
			return runner.Outcome{Violation: &runner.Violation{Kind: crashKind, Detail: c.why, Final: true}}, nil
		}
		if c := s.givenUp[t.Subject]; c != nil {
			if t.Kind == runner.TrialTask { // whose row says so
				s.forget(t.Subject)
			}
			why := "the process that measured it alone was ended from outside again: " + c.why
			return runner.Outcome{Undecided: why}, nil
		}
		if s.alone[t.Subject] {
			s.retire()
		}
		p, err := s.running(ctx)
		if err != nil {
			return runner.Outcome{}, err
		}
		out, crashed, err := p.perform(ctx, t, on)
		switch {
		case err != nil:
			return out, err
		case crashed == nil:
			s.dropFailedTarget(t, out)
			s.retried(t.Subject)
			if s.alone[t.Subject] || out.Behind {
				s.retire()
			}
			return out, nil
		}
		s.process = nil
		if err := s.attribute(crashed, true); err != nil {
			return out, err
		}
	}
}

// dropFailedTarget keeps a program whose trial failed from being started again with the next process.
func (s *Supervisor) dropFailedTarget(t runner.Task, out runner.Outcome) {
	if t.Kind != runner.TrialTask || out.Violation == nil || t.Subject < 0 {
		return
	}
	if i := s.subjects.Subjects[t.Subject].Target; i >= 0 {
		s.targets.Specs = slices.Clone(s.targets.Specs)
		s.targets.Specs[i] = ""
	}
}

// attribute records what a crash proves. again means that the task in which it happened is performed again. The error is
// that the run cannot go on: the crash is not a store's.
func (s *Supervisor) attribute(c *crash, again bool) error {
	if c.mute {
		return fmt.Errorf("%s: the measuring process could not answer: %s", s.place(c), c.why)
	}
	alone := len(c.others) == 0 && s.alone[c.subject]
	store := c.subject >= 0 && s.subjects.Subjects[c.subject].Target < 0 && s.subjects.Subjects[c.subject].Lists == nil
	switch {
	case store && len(c.others) == 0 && !c.killed:
		s.convicted[c.subject] = c
		s.forget(c.subject)
		then := "its row is struck"
		if s.written {
			then = "its row had been written by then"
		}
		s.report(c, then)
		return nil
	case alone && c.killed && c.subject >= 0:
		s.givenUp[c.subject] = c
		s.open = append(s.open, c)
		s.report(c, "it is given up")
		return nil
	case alone:
		return fmt.Errorf("%s: the measuring process crashed: %s", s.place(c), c.why)
	}
	s.alone[c.subject] = true
	s.open = append(s.open, c)
	then := "it has a process of its own from now on"
	if again {
		then = "it is measured again in a process of its own"
	}
	s.report(c, then)
	return nil
}

// forget drops the unattributed crashes of a subject.
func (s *Supervisor) forget(subject int) {
	s.open = slices.DeleteFunc(s.open, func(c *crash) bool { return c.subject == subject })
}

// retried records that a subject was measured without a crash: alone, if it has unattributed crashes.
func (s *Supervisor) retried(subject int) {
	for _, c := range s.open {
		c.retried = c.retried || c.subject == subject
	}
}

// report notes a crash, and writes the stack of the goroutine that crashed.
func (s *Supervisor) report(c *crash, then string) {
	s.Note("%s: %s: %s; %s", s.place(c), crashKind, c.why, then)
	if c.stack != "" && !s.Quiet {
		fmt.Fprintf(s.Stderr, "%s\n", c.stack)
	}
}

// place names the subject and the scenario of a crash.
func (s *Supervisor) place(c *crash) string { return s.label(c.subject) + " (" + s.scenario(c) + ")" }

func (s *Supervisor) scenario(c *crash) string { return s.plan.Config.Scenarios[c.scenario].Name }

func (s *Supervisor) label(subject int) string {
	if subject < 0 {
		return "the harness's own cost"
	}
	return s.subjects.Subjects[subject].Label
}

// Conclude ends the process, unless a signal has ended the run, and adds to the document what is in no trial: crashes after
// a store's last trial, and crashes that are not attributed to a store.
func (s *Supervisor) Conclude(d *result.Document) {
	if d == nil {
		return
	}
	if !d.Interrupted || d.Failure != "" { // otherwise the document is written before the process is waited for
		s.retire()
	}
	for _, c := range s.convicted {
		if r := s.row(d, c); r != nil && len(r.Trials) > 0 {
			// A crash during a trial is in the audit of the last one already.
			if a := &r.Trials[len(r.Trials)-1].Audit; a.OK {
				a.OK = false
				a.Violations = append(a.Violations, result.Violation{Kind: crashKind, Detail: c.why})
			}
		}
	}
	for _, c := range s.open {
		if r := s.row(d, c); r != nil {
			r.Note = strings.TrimPrefix(r.Note+"; "+s.explain(c), "; ")
		}
	}
}

// row returns the row of a crash's subject and scenario, or nil.
func (s *Supervisor) row(d *result.Document, c *crash) *result.Result {
	for i := range d.Results {
		if r := &d.Results[i]; c.subject >= 0 && r.Strategy == s.label(c.subject) && r.Scenario == s.scenario(c) {
			return r
		}
	}
	return nil
}

// explain says what is known of a crash that convicted no store.
func (s *Supervisor) explain(c *crash) string {
	text := "the process crashed while it was measured: " + c.why + "; "
	if c.retried {
		text += "the crash did not recur with this store alone"
	} else {
		text += "it was not measured again afterwards"
	}
	var before []string
	for _, i := range c.others {
		before = append(before, s.label(i))
	}
	if before != nil {
		text += "; goroutines left by " + strings.Join(before, ", ") + " may have caused it"
	}
	return text
}

// Inconclusive returns a sentence for each crash that is not attributed to a store.
func (s *Supervisor) Inconclusive() (list []string) {
	for _, c := range s.open {
		list = append(list, s.place(c)+": "+s.explain(c))
	}
	return list
}

// Unattributed reports whether there was a crash that convicted no store.
func (s *Supervisor) Unattributed() bool { return len(s.open)+len(s.givenUp) > 0 }

// standIn stands for a target that a child has opened.
type standIn struct {
	openedTarget
	index int // in Targets.Specs; -1: not a program
}

// numbered is implemented by both kinds of stand-ins.
type numbered interface{ number() int }

func (t standIn) number() int { return t.index }

// meteredStandIn is a standIn for a target that reports the usage of its processes.
type meteredStandIn struct{ standIn }

func (o openedTarget) standIn(index int) scenarios.Target {
	if o.Metered {
		return meteredStandIn{standIn{o, index}}
	}
	return standIn{o, index}
}

var errStandIn = errors.New("the target is open in the measuring process only")

func (t standIn) Supports(op scenarios.Op) bool {
	return int(op) < len(t.openedTarget.Has) && t.openedTarget.Has[op]
}

func (standIn) Connect(context.Context) (scenarios.Conn, error)    { return nil, errStandIn }
func (standIn) Reset(context.Context) error                        { return errStandIn }
func (standIn) Census(context.Context) (c manager.Census, _ error) { return c, errStandIn }
func (standIn) Close() error                                       { return nil }
func (meteredStandIn) Usage() (u scenarios.TargetUsage, _ error)   { return u, errStandIn }
