package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/targets"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Targets are the adapter programs and services of a run.
type Targets struct {
	Specs       []string      `json:"specs"` // as [targets.Parse] reads them; "": no longer needed
	Timeout     time.Duration `json:"timeout"`
	Users       int           `json:"users"` // connections to each, at least
	AllowRemote []string      `json:"allow_remote,omitempty"`
}

// Target is an opened target.
type Target struct {
	scenarios.Target
	Name string // as the target calls itself
	Note string // what may keep it from serving all users; may be empty
}

// Local opens what a run drives besides stores, in this process. The zero value is ready for use.
type Local struct {
	targets Targets
	closers []func() error
}

// OpenTargets starts the targets, or connects to those that run.
func (l *Local) OpenTargets(ctx context.Context, t Targets) ([]Target, error) {
	l.targets = t
	var list []Target
	for _, spec := range t.Specs {
		opened, err := l.openTarget(ctx, spec)
		if err != nil {
			return nil, err
		}
		list = append(list, opened)
	}
	return list, nil
}

// spareFiles is how many files a run needs open besides its users' connections.
const spareFiles = 32

// openTarget starts a program or a service, or connects to one that runs. An error may be a limit of open files that is too low for the
// users, in this process or in the program. A limit that the program may raise is only noted.
func (l *Local) openTarget(ctx context.Context, text string) (Target, error) {
	spec, err := targets.Parse(text, l.targets.AllowRemote)
	if err != nil {
		return Target{}, err
	}
	users := l.targets.Users
	if err := openfiles.Check(users + spareFiles); err != nil {
		return Target{}, fmt.Errorf("%d users on a target: %w", users, err)
	}
	p, err := spec.Open(ctx, targets.Options{Timeout: l.targets.Timeout})
	if err != nil {
		return Target{}, err
	}
	note := ""
	if err = p.CheckOpenFiles(users); err != nil {
		err = fmt.Errorf("%d users on %s: %w", users, p.Name(), err)
		limit, ok := errors.AsType[*openfiles.Error](err)
		if !ok || !limit.Raisable {
			return Target{}, errors.Join(err, p.Close())
		}
		note = err.Error() + ", unless the program raises it"
	}
	l.closers = append(l.closers, p.Close)
	return Target{p, p.Name(), note}, nil
}

// OpenSubjects opens the targets of cfg's subjects that are lists in Redis and, if protocol is set, an adapter that does
// nothing, to measure the cost of the protocol.
func (l *Local) OpenSubjects(ctx context.Context, cfg *runner.Config, o redis.Options, protocol bool) (err error) {
	for i := range cfg.Subjects {
		s := &cfg.Subjects[i]
		if lists := listsOf(s, cfg.Scenarios); lists != nil {
			if s.Target, err = l.openLists(ctx, o, lists); err != nil {
				return err
			}
		}
	}
	if protocol {
		cfg.Protocol, err = l.openProtocol(ctx)
	}
	return err
}

// redisLists says how lists are kept in Redis.
type redisLists struct {
	Touch      time.Duration `json:"touch"` // a use is recorded this long after the last one
	Pipelining bool          `json:"pipelining,omitempty"`
}

// redisName is the name of the strategy redis.
const redisName = "redis"

// IsLists reports whether a subject is lists in Redis, and no store.
func IsLists(s *runner.Subject) bool {
	return s.TargetName == "" && s.Strategy.Name == redisName &&
		s.Params["layout"] == redis.LayoutList
}

// listsOf returns the options of a subject that is lists in Redis, nil for any other. All scenarios have the same
// time-to-live. As session middleware does, lists record a use a tenth of it after the last one.
func listsOf(s *runner.Subject, of []scenarios.Scenario) *redisLists {
	if !IsLists(s) {
		return nil
	}
	return &redisLists{Touch: of[0].TTL / 10, Pipelining: s.Params["pipelining"] == redis.PipeliningOn}
}

func (l *Local) openLists(ctx context.Context, o redis.Options, lists *redisLists) (scenarios.Target, error) {
	opened, err := redis.OpenLists(ctx, o, redis.ListsOptions{Touch: lists.Touch, Pipelining: lists.Pipelining})
	if err != nil {
		return nil, err
	}
	target := adapter.OfLists(opened)
	l.closers = append(l.closers, target.Close)
	return target, nil
}

// openProtocol starts an adapter that does nothing.
func (l *Local) openProtocol(ctx context.Context) (scenarios.Target, error) {
	self, err := child.NamedExecutable()
	if err != nil {
		return nil, err
	}
	spec := adapter.Spec{Command: []string{self, "adapter", "noop"}}
	p, err := adapter.Start(ctx, spec, adapter.Options{Timeout: l.targets.Timeout})
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, p.Close)
	return p, nil
}

// Close closes what was opened, the last first.
func (l *Local) Close() error {
	var failed []error
	for _, closer := range slices.Backward(l.closers) {
		failed = append(failed, closer())
	}
	l.closers = nil
	return errors.Join(failed...)
}
