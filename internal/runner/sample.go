package runner

import (
	"context"
	"errors"
	"slices"

	"github.com/sessbench/sessbench/reports/result"
)

// Sample is a run of one trial for each subject and scenario and of nothing else: neither the harness's own cost nor the
// limit is measured, so that a process can be started for each trial. Bytes per session are, once the trial is over.
// Results have no summaries. cfg.Runs is ignored. When ctx ends there is no document.
func Sample(ctx context.Context, cfg Config) (*result.Document, error) {
	cfg.Runs, cfg.Subjects = 1, slices.Clone(cfg.Subjects)
	r := newRun(cfg)
	for i := range cfg.Scenarios {
		base := r.setup(&cfg.Scenarios[i])
		base.timeSlices = cfg.TimeSlices
		for k := range cfg.Subjects {
			e := r.entrant(k, base)
			if err := r.sample(ctx, base, e); err != nil {
				return nil, err
			}
			r.doc.Results = append(r.doc.Results, e.result)
		}
	}
	return r.doc, nil
}

func (r *run) sample(ctx context.Context, base setup, e *entrant) (err error) {
	if e.Subject, err = slowed(e.Subject); err != nil {
		return err
	}
	r.Subjects[e.index] = e.Subject
	t, err := r.trial(ctx, base, e)
	if err != nil {
		return err
	}
	if !e.failed && !e.Strategy.Harness {
		e.footprint, err = measureFootprint(ctx, e.Subject, base)
		if f := (*Violation)(nil); err != nil && !errors.As(err, &f) && !errors.Is(err, errUndecided) { // a store that failed its trial may well fail here, too
			return err
		}
	}
	e.add(t, r.done, 0)
	r.done++
	return nil
}
