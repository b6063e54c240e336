package runner

import (
	"errors"
	"fmt"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// count counts an error by its kind.
func (u *user) count(err error) {
	if u.errors == nil {
		u.errors = map[string]int64{}
	}
	u.errors[errorKind(err)]++
}

// explain keeps an error when nothing in the scenario explains it.
func (u *user) explain(op scenarios.Op, slot uint32, err error) {
	if u.trial.remote && errors.Is(err, manager.ErrIndeterminate) && op != scenarios.Create { // of which created has noted it
		d := doubt{op: op, word: u.lastWord}
		if op != scenarios.Sweep {
			d.id = u.ids[slot]
		}
		u.ledger.doubts = append(u.ledger.doubts, d)
		if op == scenarios.Delete {
			u.vacate(slot)
		}
	}
	switch {
	case u.trial.stopped.Load(), u.trial.scenario.RemovesSessions && errors.Is(err, manager.ErrNotFound):
	case errors.Is(err, scenarios.ErrUnavailable):
		u.trial.gone.CompareAndSwap(nil, &err)
		u.trial.stopped.Store(true) // nobody will be answered any more
		u.fault(err)
	case u.trial.remote && (unanswered(err) || errors.Is(err, manager.ErrConflict)):
	default:
		u.fault(fmt.Errorf("%s: %w", op, err))
	}
}

// unanswered reports whether err says that a store beyond this process did not come to answer: what it then did not do, or
// may have done, is nobody's lie.
func unanswered(err error) bool {
	return errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied)
}

func (u *user) fault(err error) {
	if len(u.faults) < maxFaults {
		u.faults = append(u.faults, err)
	}
}

// errorKind is an error's name in results.
func errorKind(err error) string {
	for _, k := range []struct {
		err  error
		name string
	}{
		{scenarios.ErrUnavailable, "gone"},
		{scenarios.ErrUnsupported, "unsupported"},
		{manager.ErrNotFound, "not_found"},
		{manager.ErrExists, "exists"},
		{manager.ErrClosed, "closed"},
		{manager.ErrConflict, "conflict"},
		{manager.ErrIndeterminate, "indeterminate"},
		{manager.ErrNotApplied, "not_applied"},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "other"
}

// recovered turns a panic out of the store into a fault of the trial.
func (u *user) recovered() {
	if p := recover(); p != nil {
		u.lost = true
		u.fault(fmt.Errorf("panic: %v", p))
	}
}

// faultKind is a fault's name in the field's words.
func faultKind(err error) string {
	var known *fault
	switch {
	case errors.As(err, &known): // another participant's
		return known.kind
	case errors.Is(err, manager.ErrNotFound), errors.Is(err, errTooSoon):
		return "lost session"
	case errors.Is(err, errTorn):
		return "torn read"
	case errors.Is(err, errWeakID):
		return "weak id"
	default:
		return kindOf(err)
	}
}
