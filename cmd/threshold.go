package cmd

import (
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
)

// thresholdOptions are the bounds of metrics.
type thresholdOptions struct {
	*command
	Thresholds []string
	bounds     []judge.Threshold // Thresholds, parsed
}

// addFlag adds --threshold. In the environment and in text with commas, a threshold ends at a comma: a strategy
// label with a comma works only on the command line or in a list of a file.
func (o *thresholdOptions) addFlag(fs flagGroup) {
	fs.StringArrayVar(&o.Thresholds, "threshold", nil,
		"`BOUND` on a metric, such as 'sharded.append.p99<5ms' or 'ops_per_sec>10x global'; repeatable")
	fs.complete["threshold"] = thresholdMetrics
}

// parse reads --threshold.
func (o *thresholdOptions) parse() error {
	o.bounds = nil
	for _, text := range o.Thresholds {
		t, err := judge.ParseThreshold(text)
		if err != nil {
			return usagef("%s %w", o.from("threshold"), err)
		}
		o.bounds = append(o.bounds, t)
	}
	return nil
}

// match reads --threshold and rejects bounds that match nothing in this run: such a gate could never fail.
func (o *thresholdOptions) match(subjects []runner.Subject, list []scenarios.Scenario, replayed bool) error {
	if err := o.parse(); err != nil {
		return err
	}
	baseline := ""
	for _, s := range subjects {
		if s.Baseline {
			baseline = s.Label
		}
	}
	var operations []string
	for i := range list {
		operations = append(operations, operationsOf(&list[i], replayed)...)
	}
	slices.Sort(operations)
	operations = slices.Compact(operations)
	for i, t := range o.bounds {
		if err := t.MatchNames(mapped(subjects, labelOf), operations, baseline); err != nil {
			return usagef("%s %w", o.from("threshold"), err)
		}
		o.bounds[i].Known = true
	}
	return nil
}

// operationsOf lists the operations that can appear in the result of a scenario. Those of a log are not read yet.
func operationsOf(s *scenarios.Scenario, replayed bool) []string {
	if replayed {
		return scenarios.OpNames(s.Legal)
	}
	ops := s.Ops()
	removes := func(op scenarios.Op) bool { return op.Does(scenarios.Removes) }
	if s.OwnSessions && (s.RemovesSessions || slices.ContainsFunc(ops, removes)) && !slices.Contains(ops, scenarios.Create) {
		ops = append(ops, scenarios.Create) // by users whose session is gone
	}
	names := scenarios.OpNames(ops)
	if s.Sweeps() {
		for _, name := range scenarios.OpNames(ops) {
			names = append(names, name+"_during_sweep")
		}
		names = append(names, scenarios.Sweep.String())
	}
	return names
}
