package runner

import (
	"context"
	"errors"
	"os"
	"slices"

	"github.com/sessbench/sessbench/manager"
)

// finish takes what is left in the store, closes it, and audits. Of several participants the first does that for all.
func (tr *trial) finish() error {
	if gone := tr.gone.Load(); gone != nil {
		tr.tellFailed(*gone)
		return &fault{kind: kindOf(*gone), err: *gone}
	}
	if !tr.part.first() {
		tr.audit.found.Skipped, tr.audit.found.Partial = true, "audited by participant 1"
		return errors.Join(tr.handOver(nil), tr.close())
	}
	others, lost, err := tr.handedIn()
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
	all := tr.accounts()
	if tr.shared() {
		a.shared = tr.ids
	}
	switch {
	case lost:
		a.found.Partial = (&LostError{tr.part.party.Lost()}).Error() + ", and what their users were told"
	case slices.ContainsFunc(all, func(of account) bool { return of.blurred }):
		a.found.Partial = noIncarnations
	default:
		a.check(all)
	}
	for _, of := range all {
		for _, fault := range of.faults {
			a.violate(faultKind(fault), manager.ID{}, "user %d: %v", of.user, fault)
		}
	}
	if tr.numbers != nil {
		return tr.checkHistories()
	}
	return nil
}

// empty removes every session, has the last states noted, sees to it that nothing is left, and closes the store.
func (tr *trial) empty() (err error) {
	if tr.unaudited {
		return tr.close()
	}
	if tr.target != nil {
		return tr.emptyTarget()
	}
	tr.keeper.opStart = tr.keeper.now()
	ctx := context.Background()
	if err := tr.sweepAll(ctx); err != nil {
		return err
	}
	if tr.board != nil {
		if left, _ := os.ReadDir(tr.dirs.Path()); len(left) > 0 {
			tr.audit.violate("directories left", manager.ID{}, "%d directories of sessions that are gone, the first is %s", len(left), left[0].Name())
		}
	}
	tr.checkEmpty(ctx)
	return tr.store.Close()
}

// checkEmpty makes sure that nothing is kept for sessions that are gone.
func (tr *trial) checkEmpty(ctx context.Context) {
	n := 0
	err := tr.untilAnswered(func() (err error) { n, err = tr.store.Len(ctx); return err })
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
