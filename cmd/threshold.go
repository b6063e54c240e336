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
		if replayed { // the log is not read yet
			operations = append(operations, scenarios.OpNames(list[i].Legal)...)
		} else {
			operations = append(operations, list[i].ResultOps()...)
		}
	}
	if slices.ContainsFunc(subjects, func(s runner.Subject) bool { return s.OwnWork }) { // a service
		operations = append(operations, scenarios.FirstEvent)
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
