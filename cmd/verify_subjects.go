package cmd

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/findings"
	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/targets"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// task is one subject to verify. A child process of its own opens the subject and verifies it.
type task struct {
	verify.Task
	source subjectSource
	flaw   *findings.Flaw // nil: a strategy or a target
}

// subjectSource names a subject. The target of a task, if any, takes its place.
type subjectSource struct {
	Strategy    string            `json:"strategy,omitempty"`
	Params      strategies.Values `json:"params,omitempty"`
	Redis       redis.Options     `json:"redis"`
	Flaw        string            `json:"flaw,omitempty"`
	AllowRemote []string          `json:"allow_remote,omitempty"`
}

// runTask verifies a subject in a child process.
func runTask(ctx context.Context, t task, callbacks verify.Callbacks) (report *verify.Report, err error) {
	if t.Source, err = json.Marshal(t.source); err != nil {
		return nil, err
	}
	return verify.RunChild(ctx, t.Task, callbacks)
}

// verifies reports whether this process is a child that verifies a subject.
func verifies() bool { return os.Getenv(verify.ChildVariable) != "" }

// openSubject is the [verify.Opener] of the strategies, targets and flawed stores that can be named.
func (a *app) openSubject(ctx context.Context, t *verify.Task) error {
	var s subjectSource
	if err := json.Unmarshal(t.Source, &s); err != nil {
		return err
	}
	a.redis = s.Redis
	if f, known := flawed.Lookup(s.Flaw); known {
		t.Config.Subject = f.Subject()
		if t.Scheduled {
			t.Config.Schedule = f.Schedule
		}
		return nil
	}
	if t.Target != "" {
		spec, err := targets.Parse(t.Target, s.AllowRemote)
		if err != nil {
			return err
		}
		p, err := spec.Open(ctx, targets.Options{Timeout: t.Timeout})
		if err != nil {
			return err
		}
		t.Config.Subject = verify.Subject{
			Label:      p.Name(),
			OpenTarget: func() (scenarios.Target, error) { return p, nil },
			Reliable:   spec.Reliable(),
			Levels:     spec.Service(),
		}
		t.Config.Consistency, t.Config.Bound, t.Config.Volatile = spec.Promises()
		return nil
	}
	strategy, _ := a.strategy(s.Strategy)
	t.Config.Subject = verify.Subject{Label: t.Label, Params: s.Params}
	if strategy.Name == redisName && s.Params["layout"] == "list" {
		t.Config.Subject.OpenTarget = func() (scenarios.Target, error) {
			lists, err := redis.OpenLists(ctx, a.redis, redis.ListsOptions{Pipelining: s.Params["pipelining"] == redis.PipeliningOn})
			if err != nil {
				return nil, err
			}
			return adapter.OfLists(lists), nil
		}
		return nil
	}
	t.Config.Subject.Guarantees = strategy.Guarantees
	t.Config.Subject.Open = func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) {
		return strategy.Open(s.Params)
	}
	return nil
}

// targetTasks returns a task for each --target. Its label is the specification until the target has sent its name.
func (o *verifyOptions) targetTasks() (tasks []task) {
	for _, spec := range o.targets.specs {
		t := o.task(spec.String())
		t.Target, t.Timeout = spec.String(), o.targets.Timeout
		t.source.AllowRemote = o.targets.AllowRemote
		tasks = append(tasks, t)
	}
	return tasks
}

// nameTarget labels the report on a target with the name that the target has sent, made unique among all subjects.
func (o *verifyOptions) nameTarget(r *verify.Report, t task, f *findings.Document) {
	if t.Target == "" {
		return
	}
	taken := o.strategyNames()
	for _, other := range f.Reports {
		taken = append(taken, other.Subject)
	}
	r.Target = t.Target
	if r.Subject != t.Label {
		r.Subject = labelFor(r.Subject, taken)
	}
}

// flawedTasks resolves --flawed.
func (o *verifyOptions) flawedTasks() ([]task, error) {
	names, err := o.chosenNames("flawed", "flawed store", o.Flawed, mapped(flawed.All(), func(f *flawed.Flaw) string { return f.Name }))
	return mapped(names, o.flawedTask), err
}

// flawedTask plays the schedule once or, with --schedule random, runs rounds until the first violation.
func (o *verifyOptions) flawedTask(name string) task {
	f, _ := flawed.Lookup(name) // checked
	t := o.task(f.Name)
	t.source.Flaw, t.Config.First = f.Name, o.cfg.Until == ""
	t.flaw = &findings.Flaw{Name: f.Name, Copies: f.Copies, Kills: f.Kills, Races: f.Races}
	t.Scheduled = o.Schedule != random
	switch given := o.given("rounds"); {
	case given:
	case t.Scheduled:
		t.Config.Rounds = 1
	default:
		t.Config.Rounds = untilBudget
	}
	if !t.Scheduled && !o.given("budget") {
		t.Config.Budget = flawedBudget
	}
	return t
}

// chosenScenarios resolves --scenario to the scenarios whose operations can be verified. Others that a file or the
// environment names for all commands are left out with a note.
func (o *verifyOptions) chosenScenarios() ([]scenarios.Scenario, error) {
	if len(o.Scenarios) == 0 {
		return nil, nil
	}
	flag, fitting := o.from("scenario"), fittingScenarios()
	var names []string
	for name := range strings.SplitSeq(strings.Join(o.Scenarios, ","), ",") {
		s, err := scenarios.Lookup(strings.TrimSpace(name))
		if err != nil { // all, or unknown
			names = append(names, name)
			continue
		}
		switch why := verify.Fits(s); {
		case why == nil:
			names = append(names, name)
		case o.sources["scenario"].rank < rankFlag:
			o.note("%s %s is not used: %v", flag, s.Name, why)
		default:
			return nil, usagef("%s %s: %w: want all or some of %s", flag, s.Name, why, strings.Join(fitting, ", "))
		}
	}
	if names == nil {
		return nil, nil
	}
	names, err := o.chosenNames("scenario", "scenario", names, fitting)
	slices.Sort(names)
	return mapped(names, lookedUp), err
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
