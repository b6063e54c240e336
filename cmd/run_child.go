package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	childproc "github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// A run measures in a child process, so that a store that crashes it costs nothing but its own row. The child is this
// program once more, and an environment variable, not an argument, tells it so: a main package that gives [Main] arguments
// of its own would start children for ever.
//
// The parent decides what is measured when, and makes the result; the child performs one task after the other. Parent and
// child speak in lines of JSON: each request on the child's stdin gets one last reply, which some replies may precede. The
// end of stdin tells the child to stop what it does, to close what it has opened, and to end.
//
// What the child works with is sent to it as values, not as flags: it reads no configuration, and a child that takes the
// place of another one works with the same.

// measureEnv is set for a child that measures; see [childproc.Answers].
const measureEnv = "SESSBENCH_RUN_CHILD"

// tapeDescriptor is the descriptor of the file of recorded traffic, where a child inherits it.
const tapeDescriptor = 3

// measureRequest is one request. Exactly one of its fields is set. Targets, Subjects and Plan come once each, in this order,
// before the first Task.
type measureRequest struct {
	Targets  *targetsRequest  `json:"targets,omitempty"`
	Subjects *subjectsRequest `json:"subjects,omitempty"`
	Plan     *planRequest     `json:"plan,omitempty"`
	Task     *runner.Task     `json:"task,omitempty"`
}

// targetsRequest asks for the programs to be started, or joined.
type targetsRequest struct {
	Specs   []string      `json:"specs"` // as [target.Parse] reads them; "": one that is not needed any more
	Options targetOptions `json:"options"`
	Restart bool          `json:"restart,omitempty"` // a program that cannot be started is no error, but gone
}

// subjectsRequest names the subjects.
type subjectsRequest struct {
	Redis    redis.Options     `json:"redis"`
	Protocol bool              `json:"protocol,omitempty"` // the cost of the protocol is to be measured, too
	Subjects []measuredSubject `json:"subjects"`
}

// measuredSubject is what a child needs of a [runner.Subject].
type measuredSubject struct {
	Label    string            `json:"label"`
	Strategy string            `json:"strategy,omitempty"`
	Params   strategies.Values `json:"params,omitempty"`
	Target   int               `json:"target"`          // index in Specs; -1: it is no program
	Lists    *redisLists       `json:"lists,omitempty"` // it is lists in Redis
}

// planRequest is the rest of a [runner.Config].
type planRequest struct {
	Scenarios []scenarios.Scenario `json:"scenarios"`
	Warmup    time.Duration        `json:"warmup"`
	Window    time.Duration        `json:"window"`
	Seed      uint64               `json:"seed"`
	Record    int                  `json:"record,omitempty"`
	Speed     float64              `json:"speed,omitempty"`
	Patience  time.Duration        `json:"patience,omitempty"`

	Tape      json.RawMessage `json:"tape,omitempty"`      // the index of recorded traffic
	TapeName  string          `json:"tape_name,omitempty"` // its file, where it is not inherited
	Inherited bool            `json:"inherited,omitempty"`
}

// measureReply is one reply. Exactly one of its fields is set.
type measureReply struct {
	Opened    []openedTarget    `json:"opened,omitempty"`    // to Targets and Subjects, one for each
	Ready     bool              `json:"ready,omitempty"`     // to Plan
	Begun     bool              `json:"begun,omitempty"`     // to Task, at once
	Preparing *runner.Preparing `json:"preparing,omitempty"` // then, perhaps
	Outcome   *runner.Outcome   `json:"outcome,omitempty"`   // and at last
	Failed    string            `json:"failed,omitempty"`    // what was asked for could not be done
	Closed    *string           `json:"closed,omitempty"`    // to the end of stdin: how closing failed, or ""
}

// openedTarget is what the parent needs to know of a target.
type openedTarget struct {
	There   bool   `json:"there"`
	Name    string `json:"name,omitempty"`
	Has     []bool `json:"has,omitempty"` // by operation
	Metered bool   `json:"metered,omitempty"`
	Note    string `json:"note,omitempty"` // as in [namedTarget]
}

func describeTarget(name string, t scenarios.Target) openedTarget {
	o := openedTarget{There: true, Name: name}
	for op := range scenarios.NumOps {
		o.Has = append(o.Has, t.Supports(op))
	}
	_, o.Metered = t.(scenarios.UsageReporter)
	return o
}

// measures reports whether this process is a child of a run.
func measures() bool { return os.Getenv(measureEnv) != "" }

// measuring is a child's side of the conversation.
type measuring struct {
	*app
	ctx     context.Context
	replies *json.Encoder

	options  targetOptions
	targets  []scenarios.Target // nil: not needed any more, or gone
	gone     []error            // why, by target
	all      opened
	cfg      runner.Config
	targetOf []int // index of a subject's target; -1: none
	worker   *runner.Worker
}

// measure is a child's main function. Its streams are the process's own, whatever Main's caller uses in their place.
func (a *app) measure(ctx context.Context) error {
	answers, err := childproc.Answers(measureEnv)
	if err != nil {
		return &exitError{childproc.ExitNoAnswer, err}
	}
	// A signal that reaches the parent, too, is the parent's to answer.
	if err := a.serve(context.WithoutCancel(ctx), os.Stdin, answers); err != nil {
		return &exitError{childproc.ExitNoAnswer, err}
	}
	return nil
}

// serve answers requests until there are no more. The error is that requests cannot be read or replies not be written.
func (a *app) serve(ctx context.Context, from io.Reader, to io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &measuring{app: a, ctx: ctx, replies: json.NewEncoder(to)}
	requests, failed := make(chan measureRequest), error(nil)
	go func() {
		defer close(requests)
		defer cancel() // what is being done is not wanted any more
		err := childproc.Watch(from, func(lines *json.Decoder) error {
			var q measureRequest
			if err := lines.Decode(&q); err != nil {
				return err
			}
			requests <- q
			return nil
		})
		if !errors.Is(err, io.EOF) {
			failed = fmt.Errorf("%s is set, but stdin holds no request: %w", measureEnv, err)
		}
	}()
	for q := range requests {
		reply, err := m.reply(q)
		if err != nil {
			reply = measureReply{Failed: openfiles.Explain(err, openfiles.Usual).Error()}
		}
		if err := m.replies.Encode(reply); err != nil {
			return errors.Join(err, m.all.close())
		}
	}
	closed := ""
	if err := m.all.close(); err != nil {
		closed = err.Error()
	}
	return errors.Join(failed, m.replies.Encode(measureReply{Closed: &closed}))
}

// reply does what was asked for.
func (m *measuring) reply(q measureRequest) (measureReply, error) {
	switch {
	case q.Targets != nil:
		return m.openTargets(q.Targets)
	case q.Subjects != nil:
		return m.openSubjects(q.Subjects)
	case q.Plan != nil:
		return measureReply{Ready: true}, m.prepare(q.Plan)
	case q.Task != nil && m.worker != nil:
		return m.perform(*q.Task)
	}
	return measureReply{}, errors.New("unexpected request")
}

func (m *measuring) openTargets(q *targetsRequest) (reply measureReply, err error) {
	m.options = q.Options
	for _, text := range q.Specs {
		m.targets, m.gone = append(m.targets, nil), append(m.gone, nil)
		reply.Opened = append(reply.Opened, openedTarget{})
		if text == "" {
			continue
		}
		at := len(m.targets) - 1
		spec, err := adapter.Parse(text)
		if err != nil {
			return reply, err
		}
		p, note, err := m.options.open(m.ctx, spec)
		switch {
		case err != nil && q.Restart:
			m.gone[at] = err
			continue
		case err != nil:
			return reply, err
		}
		m.all = append(m.all, p.Close)
		m.targets[at], reply.Opened[at] = p, describeTarget(p.Name(), p)
		reply.Opened[at].Note = note
	}
	return reply, nil
}

func (m *measuring) openSubjects(q *subjectsRequest) (reply measureReply, err error) {
	m.redis = q.Redis
	for _, s := range q.Subjects {
		subject := runner.Subject{Label: s.Label, Params: s.Params}
		var about openedTarget
		switch {
		case s.Target >= 0:
			subject.Strategy = programStrategy(s.Label, "")
			subject.Target = m.targets[s.Target]
		default:
			known := false
			if subject.Strategy, known = m.strategy(s.Strategy); !known {
				return reply, fmt.Errorf("unknown strategy %q", s.Strategy)
			}
		}
		if s.Lists != nil {
			if subject.Target, err = m.openList(m.ctx, s.Lists); err != nil {
				return reply, err
			}
			m.all = append(m.all, subject.Target.Close)
			about = describeTarget("", subject.Target)
		}
		m.cfg.Subjects = append(m.cfg.Subjects, subject)
		m.targetOf = append(m.targetOf, s.Target)
		reply.Opened = append(reply.Opened, about)
	}
	if q.Protocol {
		if m.cfg.Protocol, err = m.options.openProtocol(m.ctx); err != nil {
			return reply, err
		}
		m.all = append(m.all, m.cfg.Protocol.Close)
	}
	return reply, nil
}

func (m *measuring) prepare(q *planRequest) error {
	m.cfg.Scenarios, m.cfg.Warmup, m.cfg.Window, m.cfg.Seed = q.Scenarios, q.Warmup, q.Window, q.Seed
	m.cfg.Record, m.cfg.Speed, m.cfg.Patience = q.Record, q.Speed, q.Patience
	if q.Tape != nil {
		var file *os.File
		if q.Inherited {
			file = os.NewFile(tapeDescriptor, "tape")
		} else {
			var err error
			if file, err = os.Open(q.TapeName); err != nil {
				return err
			}
		}
		tape, err := trace.Reopen(file, q.Tape)
		if err != nil {
			return errors.Join(err, file.Close())
		}
		m.all = append(m.all, tape.Close)
		m.cfg.Traffic = tape
	}
	m.worker = runner.NewWorker(m.cfg)
	return nil
}

func (m *measuring) perform(t runner.Task) (measureReply, error) {
	if err := m.replies.Encode(measureReply{Begun: true}); err != nil {
		return measureReply{}, err
	}
	if t.Subject >= 0 && t.Subject < len(m.targetOf) {
		if at := m.targetOf[t.Subject]; at >= 0 && m.targets[at] == nil {
			err := errors.Join(m.gone[at], scenarios.ErrUnavailable)
			gone := &runner.Fault{Kind: "target gone", Detail: err.Error(), Final: true}
			return measureReply{Outcome: &runner.Outcome{Fault: gone}}, nil
		}
	}
	out, err := m.worker.Do(m.ctx, t, func(p runner.Preparing) {
		_ = m.replies.Encode(measureReply{Preparing: &p}) // the outcome will fail, too
	})
	return measureReply{Outcome: &out}, err
}
