package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/history"
)

// levels collects what refutes the consistency levels of a subject, and says what of it violates the contract: wrong data always, a
// level that the declared one includes, and without a declaration the loss of confirmed writes.
type levels struct {
	declared history.Level // empty: none
	bound    time.Duration
	refuted  map[history.Level]*history.Violation // the first for each weakest level
	lost     bool                                 // a confirmed write
	plain    bool                                 // a loss refutes linearizability, which reads more easily than what a search finds
}

// newLevels returns nil for a subject without levels.
func newLevels(cfg *Config) *levels {
	if !cfg.Subject.Levels {
		return nil
	}
	return &levels{declared: cfg.Consistency, bound: cfg.Bound, refuted: map[history.Level]*history.Violation{}}
}

// settled reports whether histories need no search for a linearization: it is known that there are some without, and that is allowed.
func (l *levels) settled() bool {
	return l != nil && l.refuted[history.LevelLinearizable] != nil && !l.promises(history.LevelLinearizable)
}

// promises reports whether the subject's contract includes a level.
func (l *levels) promises(level history.Level) bool {
	return cmp.Or(l.declared, history.LevelEventual).Includes(level)
}

// strict reports whether no confirmed write may be lost, even to one that overlaps it.
func (l *levels) strict() bool { return l.declared == "" || l.declared == history.LevelLinearizable }

// weigh takes the violations of linearizability that a check of a round's histories has found, notes which levels the histories refute,
// and returns the violations of the contract.
func (l *levels) weigh(ctx context.Context, all []history.History, found []*history.Violation, seed uint64) (violations []*history.Violation) {
	refute := func(level history.Level, v *history.Violation) {
		if v == nil {
			return
		}
		v.Seed = seed
		if l.refuted[level] == nil {
			l.refuted[level] = v
		}
		if l.promises(level) {
			violations = append(violations, v)
		}
	}
	for i := range all {
		h := &all[i]
		for _, f := range history.Refutations(h, l.bound) {
			if l.refuted[f.Level] == nil {
				refute(f.Level, f.Violation(ctx, h, all, l.bound))
			}
		}
		if loss := history.Loss(h, l.bound); loss != nil && l.strict() && !l.lost {
			if v := history.LossViolation(ctx, h, loss, all, l.bound); v != nil {
				l.lost = true
				v.Seed = seed
				violations = append(violations, v)
				l.refuted[history.LevelLinearizable], l.plain = v, true
			}
		}
		if loss := history.Loss(h, 0); loss != nil && !l.plain {
			if v := history.LossViolation(ctx, h, loss, all, 0); v != nil {
				delete(l.refuted, history.LevelLinearizable)
				refute(history.LevelLinearizable, v)
				l.plain = true
			}
		}
	}
	for _, v := range found {
		refute(history.LevelLinearizable, v)
	}
	return violations
}

// strongest returns the strongest level that no history refutes, and what refutes the next stronger one.
func (l *levels) strongest() (level history.Level, next *Refuted) {
	list := history.Levels()
	level = history.LevelNone
	for i := len(list) - 1; i >= 0; i-- {
		if v := l.refuted[list[i]]; v != nil {
			return level, &Refuted{list[i], v}
		}
		level = list[i]
	}
	return level, nil
}

// concludeLevels puts the level into the report.
func (r *run) concludeLevels() {
	if r.levels == nil || r.report.Sessions == 0 {
		return
	}
	r.report.Level, r.report.Refuted = r.levels.strongest()
	r.report.Declared = r.levels.declared.With(r.levels.bound)
	r.report.Undetermined = r.undetermined
	if t, ok := r.target.reuser(); ok && !t.ReusesIDs() {
		r.report.Notes = append(r.report.Notes, "the service chooses the ids of its sessions, so that none is used again after a deletion: "+
			"errors that need that cannot show (if it takes ids from clients, map them with session: {id: {client: uuid}})")
	}
}

// settlePause is the longest pause between two looks at sessions that do not show every write yet.
const settlePause = 250 * time.Millisecond

// settle reads the sessions after the round until they show every confirmed write, or until each must be shown. It ends at once
// where overlapping writes may be lost, and where it is known already that writes are.
func (r *round) settle() {
	l := r.levels
	if l.lost || l.refuted[history.LevelEventual] != nil || l.declared == history.LevelLinearizable || l.declared == history.LevelLastWriterWins {
		return
	}
	start := r.now()
	for pause := 5 * time.Millisecond; r.failed.Load() == nil; pause = min(2*pause, settlePause) {
		from := r.now()
		for slot := range r.pool.ids {
			r.look(slot, history.ReadMessages, history.ReadFields)
		}
		if from-start > int64(l.bound) || !l.lacking(r.merged(), int32(r.cleaner().user), from) {
			return
		}
		time.Sleep(pause)
	}
}

// lacking reports whether a user's operations since a moment lack confirmed writes.
func (l *levels) lacking(histories []history.History, user int32, since int64) bool {
	return slices.ContainsFunc(histories, func(h history.History) bool {
		h.Ops = slices.DeleteFunc(slices.Clone(h.Ops), func(op history.Op) bool {
			return !op.MayChange() && (op.User != user || op.Call < since)
		})
		if l.strict() && history.Loss(&h, 0) != nil {
			return true
		}
		f := history.Refute(&h, history.LevelEventual, 0)
		return f != nil && f.Level == history.LevelEventual
	})
}

// mostUndetermined is the share of operations without a known outcome above which a run of a subject with levels proves nothing.
const mostUndetermined = 0.05

// count counts the operations of a round whose outcome is unknown: the service did not answer, or did not say what it did. Those that
// overlap a restart do not count.
func (r *run) count(one *round) {
	if r.levels == nil {
		return
	}
	for _, h := range one.histories {
		for i := range h.Ops {
			op := &h.Ops[i]
			unknown := op.Outcome == history.Indeterminate || op.Outcome == history.NotApplied && (op.Kind.Reads() || op.Kind == history.GetOrCreate)
			if unknown && !one.restart.overlaps(op) {
				r.undetermined++
			}
		}
	}
}

func (r *run) whyUndetermined() string {
	n, all := r.undetermined, r.report.Operations
	return fmt.Sprintf("%d of %d operations (%.1f %%) have no known outcome: no answer, a status that the mapping does not name, or a body that it "+
		"cannot read; a verdict needs %.0f %% with one", n, all, 100*float64(n)/float64(all), 100*(1-mostUndetermined))
}
