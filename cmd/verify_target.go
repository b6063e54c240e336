package cmd

import (
	"context"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// What lies beyond this process is opened by the child that verifies it: a program in another language, which is started
// once for all rounds and emptied between them, or sessions in Redis.

// targetTasks are a task for each program. It is called as it was asked for until it has told its name.
func (o *verifyOptions) targetTasks() (tasks []task) {
	for _, spec := range o.specs {
		t := o.task(spec.String())
		t.Target, t.Timeout = spec.String(), o.Timeout
		tasks = append(tasks, t)
	}
	return tasks
}

// named gives the report on a program its name, in one word and nobody else's.
func (o *verifyOptions) named(r *verify.Report, t task, f *findings) {
	if t.Target == "" {
		return
	}
	taken := o.strategyNames()
	for _, other := range f.Reports {
		taken = append(taken, other.Subject)
	}
	r.Target = t.Target
	if r.Subject != t.Label { // it lived to tell
		r.Subject = labelFor(r.Subject, taken)
	}
}

// openProgram starts a task's program, or joins it.
func (t *task) openProgram(ctx context.Context) (*adapter.Program, error) {
	spec, err := adapter.Parse(t.Target)
	if err != nil {
		return nil, err
	}
	return adapter.Start(ctx, spec, adapter.Options{Timeout: t.Timeout})
}

// remoteSubject is what a task's program is to verify.
func remoteSubject(label string, open func() (scenarios.Target, error)) verify.Subject {
	return verify.Subject{
		Label:      label,
		OpenTarget: func(*verify.Turnstile) (scenarios.Target, error) { return open() },
	}
}

// subjectOf is what a task is to verify. What it opened is closed when the verification is over.
func (a *app) subjectOf(ctx context.Context, t task) (verify.Subject, error) {
	a.redis = t.Redis
	if t.Target != "" {
		p, err := t.openProgram(ctx)
		if err != nil {
			return verify.Subject{}, err
		}
		subject := remoteSubject(p.Name(), func() (scenarios.Target, error) { return p, nil })
		subject.Sure = !strings.HasPrefix(t.Target, "tcp:") // what was lost on the way from another machine convicts nobody
		return subject, nil
	}
	s, _ := a.strategy(t.Strategy)
	if s.Name == redisName && t.Params["layout"] == "list" {
		subject := remoteSubject(t.Label, func() (scenarios.Target, error) {
			lists, err := redis.OpenLists(ctx, a.redis, redis.ListsPipelining(t.Params["pipelining"] == redis.PipeliningOn))
			if err != nil {
				return nil, err
			}
			return adapter.OfLists(lists), nil
		})
		subject.Params = t.Params
		return subject, nil
	}
	return storeSubject(s, t), nil
}

func storeSubject(s *strategies.Strategy, t task) verify.Subject {
	return verify.Subject{
		Label:      t.Label,
		Params:     t.Params,
		Guarantees: s.Guarantees,
		Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) {
			return s.Open(t.Params)
		},
	}
}

// chosenScenarios resolves --scenario to those whose operations can be verified. What a file or the environment says for
// all commands, and does not fit here, is left out with a note.
func (o *verifyOptions) chosenScenarios() (names []string, err error) {
	flag := o.from("scenario")
	for name := range strings.SplitSeq(strings.Join(o.Scenarios, ","), ",") {
		switch name = strings.TrimSpace(name); {
		case len(o.Scenarios) == 0:
			return nil, nil
		case name == "all":
			names = append(names, fittingScenarios()...)
			continue
		}
		s, err := scenarios.Lookup(name)
		if err != nil {
			return nil, usagef("%s %s: unknown scenario: %swant all or some of %s", flag, quoted(name), didYouMean(name, fittingScenarios()), strings.Join(fittingScenarios(), ", "))
		}
		switch why := verify.Fits(s); {
		case why == nil:
			names = append(names, name)
		case o.sources["scenario"].rank < rankFlag:
			o.note("%s %s is not used: %v", flag, name, why)
		default:
			return nil, usagef("%s %s: %w: want all or some of %s", flag, name, why, strings.Join(fittingScenarios(), ", "))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// fittingScenarios names the scenarios whose operations can be verified.
func fittingScenarios() (names []string) {
	for _, s := range scenarios.All() {
		if verify.Fits(s) == nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// scenariosOf are the scenarios that a task names.
func (t *task) scenariosOf() (list []scenarios.Scenario, err error) {
	for _, name := range t.Scenarios {
		s, err := scenarios.Lookup(name)
		if err != nil {
			return nil, err
		}
		list = append(list, *s)
	}
	return list, nil
}
