package cmd

import (
	"slices"

	"github.com/sessbench/sessbench/internal/judge"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
)

// addThresholdFlag adds --threshold. In the environment and in text with commas, a threshold ends at a comma: a strategy
// label with a comma works only on the command line or in a list of a file.
func (o *runOptions) addThresholdFlag(fs flagGroup) {
	fs.StringArrayVar(&o.Thresholds, "threshold", nil,
		"`BOUND` on a metric, such as 'sharded.append.p99<5ms' or 'ops_per_sec>10x global'; repeatable")
	fs.complete["threshold"] = thresholdMetrics
}

// parseThresholds reads --threshold.
func (o *runOptions) parseThresholds() error {
	o.thresholds = nil
	for _, text := range o.Thresholds {
		t, err := judge.ParseThreshold(text)
		if err != nil {
			return usagef("%s %w", o.from("threshold"), err)
		}
		o.thresholds = append(o.thresholds, t)
	}
	return nil
}

// matchThresholds reads --threshold and rejects bounds that match nothing in this run: such a gate could never fail.
func (o *runOptions) matchThresholds(subjects []runner.Subject, list []scenarios.Scenario) error {
	if err := o.parseThresholds(); err != nil {
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
		operations = append(operations, o.operations(&list[i])...)
	}
	slices.Sort(operations)
	operations = slices.Compact(operations)
	for i, t := range o.thresholds {
		if err := t.MatchNames(mapped(subjects, labelOf), operations, baseline); err != nil {
			return usagef("%s %w", o.from("threshold"), err)
		}
		o.thresholds[i].Known = true
	}
	return nil
}

// operations lists the operations that can appear in the result of a scenario. Those of a log are not read yet.
func (o *runOptions) operations(s *scenarios.Scenario) []string {
	if o.Trace != "" {
		return operationNames(s.Legal)
	}
	ops := s.Ops()
	removes := func(op scenarios.Op) bool { return op.Does(scenarios.Removes) }
	if s.OwnSessions && (s.RemovesSessions || slices.ContainsFunc(ops, removes)) && !slices.Contains(ops, scenarios.Create) {
		ops = append(ops, scenarios.Create) // by users whose session is gone
	}
	names := operationNames(ops)
	if s.Sweeps() {
		for _, name := range operationNames(ops) {
			names = append(names, name+"_during_sweep")
		}
		names = append(names, scenarios.Sweep.String())
	}
	return names
}
