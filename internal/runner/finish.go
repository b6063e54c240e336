package runner

import (
	"errors"
	"slices"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
)

// finish removes the remaining sessions, closes the store, and audits. In a distributed run the first participant does that
// for all.
func (tr *trial) finish() error {
	if gone := tr.end.unavailable.Load(); gone != nil {
		tr.publishFailure(*gone)
		return &Violation{Kind: kindOf(*gone), Detail: (*gone).Error()}
	}
	if !tr.setup.part.first() {
		tr.found.Skipped, tr.found.Partial = true, "audited by participant 1"
		return errors.Join(tr.setup.part.publish(tr.ctx, "ledgers", ledgersMessage{Ledgers: tr.users.ledgers()}), tr.close())
	}
	others, lost, err := tr.setup.part.awaitLedgers(tr.ctx)
	if err != nil {
		return err
	}
	tr.users.others = others
	if err := tr.guarded("taking the sessions left at the end", tr.empty); err != nil {
		return err
	}
	if tr.unaudited {
		return nil
	}
	all := tr.users.ledgers()
	switch {
	case lost != nil:
		tr.found.Partial = lost.Error() + ", with the ledgers of their users"
	case slices.ContainsFunc(all, func(l *audit.Ledger) bool { return l.Ambiguous }):
		tr.found.Partial = noIncarnations
	default:
		tr.rules.Check(all, &tr.found)
	}
	for _, l := range all {
		for _, v := range l.Violations {
			tr.found.Violate(v.Kind, manager.ID{}, "user %d: %s", l.User, v.Detail)
		}
	}
	if tr.sessions.numbers != nil {
		return tr.checkHistories()
	}
	return nil
}

// noIncarnations is the reason of an audit without a verdict.
const noIncarnations = "the target reports no incarnations, so that sessions under one id cannot be distinguished"

// empty removes every session, and closes the store.
func (tr *trial) empty() error {
	if !tr.unaudited {
		if err := tr.system.empty(); err != nil {
			return err
		}
	}
	return tr.close()
}
