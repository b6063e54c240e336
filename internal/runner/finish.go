package runner

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/sessbench/sessbench/manager"
)

// finish removes the remaining sessions, closes the store, and audits. In a distributed run the first participant does that
// for all.
func (tr *trial) finish() error {
	if gone := tr.unavailable.Load(); gone != nil {
		tr.publishFailure(*gone)
		return &Violation{Kind: kindOf(*gone), Detail: (*gone).Error()}
	}
	if !tr.part.first() {
		tr.audit.found.Skipped, tr.audit.found.Partial = true, "audited by participant 1"
		return errors.Join(tr.publishLedgers(nil), tr.close())
	}
	others, lost, err := tr.awaitLedgers()
	if err != nil {
		return err
	}
	tr.others = others
	if err := guarded(tr.ctx, tr.watch(), "taking the sessions left at the end", tr.empty); err != nil {
		return err
	}
	if tr.unaudited {
		return nil
	}
	a := &tr.audit
	all := tr.userLedgers()
	if tr.reusesIDs {
		a.shared = tr.ids
	}
	switch {
	case lost:
		a.found.Partial = (&LostError{tr.part.participant.Lost()}).Error() + ", with the ledgers of their users"
	case slices.ContainsFunc(all, func(of userLedger) bool { return of.Ambiguous }):
		a.found.Partial = noIncarnations
	default:
		a.check(all)
	}
	for _, of := range all {
		for _, v := range of.Violations {
			a.violate(v.Kind, manager.ID{}, "user %d: %s", of.User, v.Detail)
		}
	}
	if tr.numbers != nil {
		return tr.checkHistories()
	}
	return nil
}

// empty removes every session, records the final states, checks that none is left, and closes the store.
func (tr *trial) empty() (err error) {
	if tr.unaudited {
		return tr.close()
	}
	if tr.target != nil {
		return tr.emptyTarget()
	}
	tr.preloader.opStart = tr.preloader.now()
	if err := tr.sweepAll(); err != nil {
		return err
	}
	if tr.board != nil {
		if left, _ := os.ReadDir(tr.dirs.Path()); len(left) > 0 {
			tr.audit.violate("directories left", manager.ID{}, "%d directories of sessions that are gone, the first is %s", len(left), left[0].Name())
		}
	}
	tr.checkEmpty()
	return tr.store.Close()
}

// checkEmpty makes sure that nothing is kept for sessions that are gone.
func (tr *trial) checkEmpty() {
	n := 0
	err := tr.untilAnswered(func() (err error) { n, err = tr.store.Len(context.Background()); return err })
	if tr.remote && unanswered(err) {
		tr.audit.found.Partial = "whether sessions are left was not answered"
		return
	}
	if err != nil || n != 0 {
		tr.audit.violate("sessions left", manager.ID{}, "the store counts %d sessions after all were removed (error: %v)", n, err)
	}
	if c, ok := tr.store.(manager.CensusReporter); ok {
		if census := c.Census(); census.Sessions != 0 || census.Locks != 0 {
			tr.audit.violate("locks left", manager.ID{}, "%d sessions and %d locks are kept after all sessions were removed", census.Sessions, census.Locks)
		}
	}
}
