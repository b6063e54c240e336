package cmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/driver"
	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/outfile"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/internal/targets"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// targetOptions are the flags for targets, driven besides the strategies or in their place.
type targetOptions struct {
	*command
	Targets     []string
	Timeout     time.Duration
	AllowRemote []string
	specs       []targets.Spec          // Targets, parsed
	labelled    map[string]targets.Spec // specs by the labels of their rows
}

const targetFlag = "target"

// flagGroup returns the flags for stores outside this process: targets, and the server of the strategy redis.
func (o *targetOptions) flagGroup() flagGroup {
	fs := newFlagGroup("Beyond this process")
	o.Timeout = adapter.DefaultTimeout
	fs.StringArrayVar(&o.Targets, targetFlag, nil,
		"`TARGET` to drive: an adapter program, exec:COMMAND, or a running one, tcp:HOST:PORT or unix:PATH; an HTTP service, http:FILE with its mapping; repeatable (without -S: only these)")
	fs.StringSliceVar(&o.AllowRemote, "allow-remote", nil,
		"`HOSTS` beside this machine to which the requests of an HTTP service may be sent")
	fs.Var(into(o.Timeout.String(), setting.Duration(time.Millisecond, time.Hour), &o.Timeout), "target-timeout",
		"`TIME` without any response, the requested hold not counted, after which a target counts as hanging")
	o.addRedisFlags(fs)
	fs.own("target-timeout", "allow-remote", "redis-url", "redis-user", "redis-password", "redis-ca", "redis-timeout")
	return fs
}

// parse parses --target.
func (o *targetOptions) parse() error {
	o.specs = nil
	for _, text := range o.Targets {
		spec, err := targets.Parse(text, o.AllowRemote)
		if err != nil {
			return usagef("%s %w", o.from(targetFlag), err)
		}
		o.specs = append(o.specs, spec)
	}
	return nil
}

// announce says, before anything is sent, which load goes to other machines.
func (o *targetOptions) announce(users int, length time.Duration) {
	for _, spec := range o.specs {
		for _, host := range spec.RemoteHosts() {
			o.note("%s sends requests to %s: by up to %d users at a time, for about %v", spec, host, users, length)
		}
	}
}

// files returns the files that the targets name: programs, scripts for an interpreter, mapping files.
func (o *targetOptions) files() (list []outfile.Named) {
	for at, spec := range o.specs {
		for _, path := range spec.Files() {
			list = append(list, outfile.Named{Words: o.from(targetFlag) + " " + quoted(o.Targets[at]), Path: path})
		}
	}
	return list
}

// subjects makes subjects of opened targets, with labels that are not taken.
func (o *targetOptions) subjects(opened []measure.Target, taken []string) (list []runner.Subject) {
	o.labelled = map[string]targets.Spec{}
	for i, t := range opened {
		label := labelFor(t.Name, taken)
		taken, o.labelled[label] = append(taken, label), o.specs[i]
		list = append(list, runner.Subject{
			Label: label, TargetName: t.Name, Target: t.Target, OwnWork: o.specs[i].Service(),
			Strategy: &strategies.Strategy{Name: label, Description: o.specs[i].String()},
		})
	}
	return list
}

// labelFor returns a target's name as the label of a row: one word, and unique.
func labelFor(name string, taken []string) string {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r <= ' ' || r == ',' }), "-")
	label := name
	for n := 2; slices.Contains(taken, label); n++ {
		label = fmt.Sprintf("%s#%d", name, n)
	}
	return label
}

// programs reports whether any target speaks the adapter protocol.
func (o *targetOptions) programs() bool {
	return slices.ContainsFunc(o.specs, func(s targets.Spec) bool { return !s.Service() })
}

// fit rejects targets without an operation that a scenario needs, and scenarios with one that their driver lacks.
func (o *targetOptions) fit(subjects []runner.Subject, list []scenarios.Scenario) error {
	for _, subject := range subjects {
		for i := range list {
			if subject.Target == nil {
				for _, op := range list[i].Ops() {
					if !driver.Supports(list[i].Driver, op) {
						return usagef("--scenario %s: its users have no operation %s", list[i].Name, op)
					}
				}
				continue
			}
			if subject.OwnWork && list[i].Driver == scenarios.StoreDriver && !o.labelled[subject.Label].ReusesIDs() {
				return usagef("%s %s: the service names its sessions, and %s uses ids again after a removal: want session: {id: {client: uuid}} in the mapping, or another --scenario",
					o.from(targetFlag), subject.Label, list[i].Name)
			}
			for _, op := range list[i].RequiredOps() {
				if !subject.Target.Supports(op) {
					return usagef("%s %s: no operation %s, which %s needs: want another --scenario",
						o.from(targetFlag), subject.Label, adapter.OpName(op), list[i].Name)
				}
			}
		}
	}
	return nil
}
