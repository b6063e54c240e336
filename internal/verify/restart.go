package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/scenarios"
)

// Disturbance is what happens to a target in the middle of a round.
type Disturbance string

// Restart kills the service and starts it again. The users stop, and what they had written is read after it.
const Restart Disturbance = "restart"

// restart is when a target was restarted in a round; zero: it was not.
type restart struct {
	began, ended int64
	err          error
	survival     history.Survival
}

// overlaps reports whether an operation was in progress during the restart.
func (s *restart) overlaps(op *history.Op) bool {
	return s.began > 0 && op.Call <= s.ended && op.Return >= s.began
}

// canDisturb returns an error if the target cannot be disturbed as configured.
func (r *run) canDisturb() error {
	if _, ok := r.target.Target.(scenarios.Restarter); r.cfg.Disturb == Restart && !ok {
		return fmt.Errorf("it cannot be restarted: sessbench restarts only what it has started (%w)", scenarios.ErrUnsupported)
	}
	return nil
}

// reuser returns the target as one that knows whether its ids are reused.
func (a *remote) reuser() (t scenarios.IDReuser, ok bool) {
	if a == nil {
		return nil, false
	}
	t, ok = a.Target.(scenarios.IDReuser)
	return t, ok
}

// restartTarget restarts the target when the users have completed about half of their operations.
func (r *round) restartTarget(ctx context.Context) {
	planned := 0
	for _, plans := range r.script.users {
		planned += len(plans)
	}
	for r.watchdog.progress() < int64(planned/2) {
		if r.failed.Load() != nil || ctx.Err() != nil {
			return
		}
		time.Sleep(50 * time.Microsecond)
	}
	ended := make(chan struct{})
	go func() { // a restart is progress, which may take longer than an operation
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				r.cleaner().beat.n.Add(1)
			}
		}
	}()
	asked := &pending{"the restart in the middle of a round", time.Now()}
	r.restart.began = r.now()
	r.restarts.Add(1)
	r.restart.err = r.target.Target.(scenarios.Restarter).Restart(ctx)
	r.restarts.Add(1)
	r.restart.ended = r.now()
	close(ended)
	if err := r.restart.err; err != nil && ctx.Err() == nil && !errors.Is(err, scenarios.ErrUnsupported) {
		r.failed.CompareAndSwap(nil, asked.to(fmt.Errorf("the service did not start again: %w", err)))
	}
}

// takeStock counts what survived the restart. A session that was not found afterwards may have been removed by it. The history of one
// that has lost a part proves nothing else.
func (r *round) takeStock() {
	r.histories = slices.DeleteFunc(r.histories, func(h history.History) bool {
		s := history.Survivors(&h, r.restart.began, r.restart.ended)
		r.restart.survival.Add(s)
		return s.Torn > 0
	})
	for i := range r.histories {
		h := &r.histories[i]
		s := history.Survivors(h, r.restart.began, r.restart.ended)
		if s.Forgotten > 0 || !slices.ContainsFunc(h.Ops, func(op history.Op) bool { return op.Call > r.restart.ended && op.TookPlace() }) {
			h.Ops = append(h.Ops, history.Op{
				Call: r.restart.began, Return: history.Never, User: int32(len(r.clients)), Kind: history.Sweep, Outcome: history.Indeterminate,
				Note: "the restart",
			})
		}
	}
}

// restarted adds what survived the restart of a round. The error is that the target cannot be restarted.
func (r *run) restarted(one *round) error {
	if one.restart.began == 0 {
		return nil
	}
	if errors.Is(one.restart.err, scenarios.ErrUnsupported) {
		return fmt.Errorf("it cannot be restarted: %w", one.restart.err)
	}
	r.report.Restarts++
	s := one.restart.survival
	r.survival.Add(s)
	if lost := s.Survived < s.Writes && !r.cfg.Volatile || s.Torn > 0; lost && r.forgot == nil {
		r.forgot = history.NewViolation(history.LostAtRestart, "%s", s.Sentence())
		r.forgot.Seed, r.forgot.Procs = one.seed, one.script.procs
		r.violated(r.forgot)
	}
	return nil
}

// concludeRestarts puts what survived all restarts into the report.
func (r *run) concludeRestarts() {
	if r.report.Restarts == 0 {
		return
	}
	s := r.survival
	r.report.Survival = &s
	if r.forgot != nil {
		r.forgot.Why = s.Sentence()
		if r.cfg.Volatile {
			r.forgot.Why += "; it is declared volatile, so that a restart may lose whole sessions, and no part of one"
		}
	}
}
