package runner

import (
	"context"
	"math"
	"time"

	"github.com/sessbench/sessbench/internal/ideal"
	"github.com/sessbench/sessbench/internal/metric"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// explainWindow is the longest window of the pass that explains a row.
const explainWindow = time.Second

// explain explains where the time of each row's operations goes: in a pass of its own after the trials, so that these are not changed by
// it. Rows whose audit failed have no explanation.
func (r *run) explain(ctx context.Context, base setup, entrants []*entrant) error {
	alone := leastAlone(entrants)
	for _, e := range entrants {
		ops := metric.MedianOf(&e.result, func(t *result.Trial) float64 { return float64(t.Ops) }).Median
		if base.window > explainWindow {
			ops *= float64(explainWindow) / float64(base.window)
		}
		pass := base
		pass.every = max(1, int(math.Ceil(ops/observedOps)))
		t, err := r.pass(ctx, pass, ExplainTask, e, "where the time goes")
		if err != nil {
			return err
		}
		x := t.Explanation
		if x == nil {
			continue
		}
		x.OpsPerSec, x.Fairness = t.OpsPerSec, t.Fairness
		if base.traffic != nil { // whose users have unequal shares
			x.Fairness = result.Fairness{}
		}
		if e.Target == nil && !math.IsInf(alone, 1) && base.tape != nil && !base.ramped() {
			x.IdealLockWait = r.idealLockWait(base, alone, e)
		}
		e.result.Explanation = x
	}
	return nil
}

// pass performs a task on a store that has passed its audits; of another one there are no figures. The pass is a trial, too: a
// violation in it fails the row.
func (r *run) pass(ctx context.Context, base setup, kind TaskKind, e *entrant, what string) (result.Trial, error) {
	if !e.passed() || e.failed {
		return result.Trial{}, nil
	}
	r.report(Step{Scenario: base.scenario.Name, Label: e.Label + ": " + what})
	t, err := r.attempt(ctx, base, kind, e)
	if err == nil && t.Failed() {
		t.Explanation = nil
		e.add(t, r.done, base.block)
	}
	return t, err
}

// explainTrial performs the pass that explains a store.
func explainTrial(ctx context.Context, of Subject, base setup) (result.Trial, error) {
	base = base.unrecorded()
	if base.window > explainWindow {
		base.window = explainWindow
	}
	base.every = max(1, base.every)
	return runTrial(ctx, of, base)
}

// unrecorded is base without histories, series and snapshots of times, in a process that has the machine to itself.
func (base setup) unrecorded() setup {
	base.record, base.series, base.liveTimes, base.timeSlices = 0, false, false, nil
	return base
}

// idealLockWait returns in which share of its time each kind of operation waits for its lock in a perfect store with one lock per session, with
// the holds measured in a row.
func (r *run) idealLockWait(base setup, alone float64, e *entrant) map[string]float64 {
	window := min(base.window, explainWindow)
	if window == 0 {
		window = explainWindow
	}
	m := r.perfectStore(base, alone, window)
	m.Users, m.Hold = base.scenario.Users, holdsOf(&e.result.Trials[0], base.seed)
	if base.scenario.OwnSessions {
		m.Own = base.scenario.SlotsPerUser()
	}
	if base.open() {
		m.Users = base.scenario.Load.MaxUsers
	}
	if ops := float64(window) / max(1, alone) * processors(r.doc.Machine); m.Hold == nil && ops > idealProbeOps {
		m.Until = m.From + int64(float64(window)*idealProbeOps/ops)
	}
	if base.open() {
		m.Arrivals = base.arrivals()
	}
	waits, out := map[string]float64{}, ideal.Run(m)
	for op, h := range out.Each {
		if h != nil {
			waits[scenarios.Op(op).String()] = out.LockWait(scenarios.Op(op))
		}
	}
	return waits
}
