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

// explain adds a violation for an error that the scenario does not explain.
func (u *user) explain(op scenarios.Op, slot uint32, err error) {
	if u.trial.remote && errors.Is(err, manager.ErrIndeterminate) && op != scenarios.Create { // of which created has noted it
		d := indeterminate{Op: op, Word: u.texts.last}
		if op != scenarios.Sweep {
			d.ID = u.ids[slot]
		}
		u.ledger.Indeterminates = append(u.ledger.Indeterminates, d)
		if op == scenarios.Delete {
			u.clearSlot(slot)
		}
	}
	switch {
	case u.trial.stopped.Load(), u.trial.scenario.RemovesSessions && errors.Is(err, manager.ErrNotFound):
	case errors.Is(err, scenarios.ErrUnavailable):
		u.trial.unavailable.CompareAndSwap(nil, &err)
		u.trial.stopped.Store(true) // no request will get a response
		u.addViolation(err)
	case u.trial.remote && (unanswered(err) || errors.Is(err, manager.ErrConflict)):
	default:
		u.addViolation(fmt.Errorf("%s: %w", op, err))
	}
}

// unanswered reports whether err means that a remote store did not respond: what it did or did not do is not a violation.
func unanswered(err error) bool {
	return errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied)
}

func (u *user) addViolation(err error) {
	if len(u.violations) < maxUserViolations {
		u.violations = append(u.violations, err)
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

// recovered turns a panic of the store into a violation.
func (u *user) recovered() {
	if p := recover(); p != nil {
		u.panicked = true
		u.addViolation(fmt.Errorf("panic: %v", p))
	}
}

// violationKind returns the kind of a violation.
func violationKind(err error) string {
	switch {
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
