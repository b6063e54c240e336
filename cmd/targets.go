package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/child"
	"github.com/sessbench/sessbench/internal/openfiles"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// targetOptions says which programs to drive beside the strategies, or in their place.
type targetOptions struct {
	Targets []string
	Timeout time.Duration
	Users   int            // of a run: the connections to each, at least
	specs   []adapter.Spec // what they say
}

// targetFlag is the flag's name.
const targetFlag = "target"

func (o *targetOptions) addFlags(fs flagGroup) {
	o.Timeout = adapter.DefaultTimeout
	fs.StringArrayVar(&o.Targets, targetFlag, nil,
		"a program in any language, `exec:COMMAND`, or one that runs: tcp:HOST:PORT, unix:PATH; repeatable. Without -S only these")
	fs.Var(duration(o.Timeout.String(), time.Millisecond, time.Hour, func(d time.Duration) { o.Timeout = d }), "target-timeout",
		"`TIME` without an answer to anybody, beyond the work that is asked for, after which a target counts as hanging")
}

// parse reads the targets.
func (o *targetOptions) parse(flag string) error {
	o.specs = nil
	for _, text := range o.Targets {
		spec, err := adapter.Parse(text)
		if err != nil {
			return usagef("%s %w", flag, err)
		}
		o.specs = append(o.specs, spec)
	}
	return nil
}

// files names the files among the words of the commands: the programs, and scripts that their interpreters read.
func (o *targetOptions) files(flag string) (list []namedFile) {
	for _, text := range o.Targets {
		spec, err := adapter.Parse(text)
		if err != nil {
			continue // parse reports it
		}
		for i, word := range spec.Command {
			if i == 0 {
				word, _ = exec.LookPath(word) // starting it reports what is missing
			}
			if info, err := os.Stat(word); err == nil && info.Mode().IsRegular() {
				list = append(list, namedFile{flag + " " + quoted(text), word})
			}
		}
	}
	return list
}

// opened is what was opened for a run, to be closed after it.
type opened []func() error

func (list opened) close() error {
	var failed []error
	for _, close := range slices.Backward(list) {
		failed = append(failed, close())
	}
	return errors.Join(failed...)
}

// namedTarget is a target and what it calls itself.
type namedTarget struct {
	scenarios.Target
	name string
	note string // what may keep it from serving all users; may be empty
}

// openTargets starts the programs, or joins those that run. What was opened is to be closed also when there is an error.
func (o *targetOptions) openTargets(ctx context.Context) (list []namedTarget, all opened, err error) {
	for _, spec := range o.specs {
		p, note, err := o.open(ctx, spec)
		if err != nil {
			return nil, all, err
		}
		all = append(all, p.Close)
		list = append(list, namedTarget{p, p.Name(), note})
	}
	return list, all, nil
}

// spareFiles is how many files a run needs open besides its users' connections.
const spareFiles = 32

// open starts a program, or joins one that runs. An error may be a limit of open files that is too low for the users, here or
// there. A limit there that the program may raise is only noted.
func (o *targetOptions) open(ctx context.Context, spec adapter.Spec) (p *adapter.Program, note string, err error) {
	if err := openfiles.Check(o.Users + spareFiles); err != nil {
		return nil, "", fmt.Errorf("%d users on a target: %w", o.Users, err)
	}
	if p, err = adapter.Start(ctx, spec, adapter.Options{Timeout: o.Timeout}); err != nil {
		return nil, "", err
	}
	if err = p.CheckOpenFiles(o.Users); err == nil {
		return p, "", nil
	}
	err = fmt.Errorf("%d users on %s: %w", o.Users, p.Name(), err)
	if limit, ok := errors.AsType[*openfiles.Error](err); ok && limit.Raisable {
		return p, err.Error() + ", unless the program raises it", nil
	}
	return nil, "", errors.Join(err, p.Close())
}

// subjectsOf makes subjects of opened targets, whose labels are not among those taken.
func (o *targetOptions) subjectsOf(targets []namedTarget, taken []string) (list []runner.Subject) {
	for i, t := range targets {
		label := labelFor(t.name, taken)
		taken = append(taken, label)
		list = append(list, runner.Subject{
			Label: label, TargetName: t.name, Target: t.Target, Strategy: programStrategy(label, o.specs[i].String()),
		})
	}
	return list
}

// programStrategy stands for the strategy of a program.
func programStrategy(label, how string) *strategies.Strategy {
	return &strategies.Strategy{Name: label, Description: how, Guarantees: manager.Guarantees{}}
}

// labelFor is a target's name as a row has it: in one word, and nobody else's.
func labelFor(name string, taken []string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r <= ' ' || r == ',' }), "-")
	label := name
	for n := 2; slices.Contains(taken, label); n++ {
		label = fmt.Sprintf("%s#%d", name, n)
	}
	return label
}

// openProtocol starts an adapter that does nothing, so that what the protocol costs is known.
func (o *targetOptions) openProtocol(ctx context.Context) (scenarios.Target, error) {
	self, err := child.NamedExecutable()
	if err != nil {
		return nil, err
	}
	return adapter.Start(ctx, adapter.Spec{Command: []string{self, "adapter", "noop"}}, adapter.Options{Timeout: o.Timeout})
}

// fit refuses targets that do not know an operation that a scenario needs.
func fit(flag string, subjects []runner.Subject, list []scenarios.Scenario) error {
	for _, subject := range subjects {
		if subject.Target == nil {
			continue
		}
		for i := range list {
			for _, op := range list[i].RequiredOps() {
				if !subject.Target.Supports(op) {
					return usagef("%s %s: does not know %s, which %s needs: want another --scenario",
						flag, subject.Label, adapter.OpName(op), list[i].Name)
				}
			}
		}
	}
	return nil
}
