package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/scenarios/trace"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Lookup finds a strategy by its name. The strategy redis is for the given server.
type Lookup func(name string, server redis.Options) (*strategies.Strategy, bool)

// IsChild reports whether this process is a child that measures.
func IsChild() bool { return os.Getenv(ChildVariable) != "" }

// ServeChild is the main function of a child. It uses the process's own streams. An error means that it could not answer:
// the process is to exit with [child.ExitNoAnswer].
func ServeChild(ctx context.Context, lookup Lookup) error {
	answers, err := child.Answers(ChildVariable)
	if err != nil {
		return err
	}
	// A signal reaches the parent, too, which then closes stdin.
	return serve(context.WithoutCancel(ctx), os.Stdin, answers, lookup)
}

// server answers a parent's requests.
type server struct {
	ctx     context.Context
	lookup  Lookup
	replies *json.Encoder

	local    Local
	targets  []scenarios.Target // nil: no longer needed, or not started
	failed   []error            // why a target was not started
	cfg      runner.Config
	targetOf []int // index of a subject's target; -1: none
	worker   *runner.Worker
	live     bool // snapshots are wanted
}

// serve answers requests until there are no more. An error means that a request could not be read or a reply not be written.
func serve(ctx context.Context, from io.Reader, to io.Writer, lookup Lookup) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &server{ctx: ctx, lookup: lookup, replies: json.NewEncoder(to)}
	requests, failed := make(chan request), error(nil)
	go func() {
		defer close(requests)
		defer cancel() // stops the current task
		err := child.Watch(from, func(lines *json.Decoder) error {
			var q request
			if err := lines.Decode(&q); err != nil {
				return err
			}
			requests <- q
			return nil
		})
		if !errors.Is(err, io.EOF) {
			failed = fmt.Errorf("%s is set, but stdin holds no request: %w", ChildVariable, err)
		}
	}()
	for q := range requests {
		r, err := s.reply(q)
		if err != nil {
			r = reply{Failed: openfiles.Explain(err, openfiles.Usual).Error(), Unfit: errors.Is(err, scenarios.ErrUnsupported)}
		}
		if err := s.replies.Encode(r); err != nil {
			return errors.Join(err, s.local.Close())
		}
	}
	closed := ""
	if err := s.local.Close(); err != nil {
		closed = err.Error()
	}
	return errors.Join(failed, s.replies.Encode(reply{Closed: &closed}))
}

// reply carries out a request and returns its final reply.
func (s *server) reply(q request) (reply, error) {
	switch {
	case q.Targets != nil:
		return s.openTargets(q.Targets)
	case q.Subjects != nil:
		return s.openSubjects(q.Subjects)
	case q.Plan != nil:
		return reply{Ready: true}, s.prepare(q.Plan)
	case q.Task != nil && s.worker != nil:
		return s.perform(*q.Task)
	}
	return reply{}, errors.New("unexpected request")
}

func (s *server) openTargets(q *targetsRequest) (r reply, err error) {
	n := len(q.Specs)
	s.local.targets = q.Targets
	s.targets, s.failed, r.Opened = make([]scenarios.Target, n), make([]error, n), make([]openedTarget, n)
	for i, spec := range q.Specs {
		if spec == "" {
			continue
		}
		t, err := s.local.openTarget(s.ctx, spec)
		switch {
		case err != nil && q.Restart:
			s.failed[i] = err
			continue
		case err != nil:
			return r, err
		}
		s.targets[i], r.Opened[i] = t.Target, describe(t.Name, t.Target)
		r.Opened[i].Note = t.Note
	}
	return r, nil
}

func (s *server) openSubjects(q *subjectsRequest) (r reply, err error) {
	for _, of := range q.Subjects {
		subject := runner.Subject{Label: of.Label, Params: of.Params, OwnWork: of.OwnWork}
		var about openedTarget
		if of.Target >= 0 {
			subject.Strategy = &strategies.Strategy{Name: of.Label}
			subject.Target = s.targets[of.Target]
		} else {
			known := false
			if subject.Strategy, known = s.lookup(of.Strategy, q.Redis); !known {
				return r, fmt.Errorf("unknown strategy %q", of.Strategy)
			}
		}
		if of.Lists != nil {
			if subject.Target, err = s.local.openLists(s.ctx, q.Redis, of.Lists); err != nil {
				return r, err
			}
			about = describe("", subject.Target)
		}
		s.cfg.Subjects = append(s.cfg.Subjects, subject)
		s.targetOf = append(s.targetOf, of.Target)
		r.Opened = append(r.Opened, about)
	}
	if q.Protocol {
		s.cfg.Protocol, err = s.local.openProtocol(s.ctx)
	}
	return r, err
}

func (s *server) prepare(q *planRequest) error {
	q.Config.Subjects, q.Config.Protocol = s.cfg.Subjects, s.cfg.Protocol
	s.cfg = q.Config
	if q.Tape != nil {
		var file *os.File
		if q.TapeName == "" {
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
		s.local.closers = append(s.local.closers, tape.Close)
		s.cfg.Traffic = tape
	}
	s.worker, s.live = runner.NewWorker(s.cfg), q.Live
	return nil
}

func (s *server) perform(t runner.Task) (reply, error) {
	if err := s.replies.Encode(reply{Begun: true}); err != nil {
		return reply{}, err
	}
	if t.Subject >= 0 && t.Subject < len(s.targetOf) {
		if i := s.targetOf[t.Subject]; i >= 0 && s.targets[i] == nil {
			err := errors.Join(s.failed[i], scenarios.ErrUnavailable)
			gone := &runner.Violation{Kind: "target gone", Detail: err.Error(), Final: true}
			return reply{Outcome: &runner.Outcome{Violation: gone}}, nil
		}
	}
	on := runner.Callbacks{Preparing: func(p runner.Preparing) {
		_ = s.replies.Encode(reply{Preparing: &p}) // if it fails, so does the outcome
	}}
	if s.live {
		on.Snapshot = func(shot runner.Snapshot) { _ = s.replies.Encode(reply{Snapshot: &shot}) }
	}
	out, err := s.worker.Do(s.ctx, t, on)
	return reply{Outcome: &out}, err
}
