package runner

import (
	"slices"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// users are the users of a trial, by what they do in it.
type users struct {
	active     []*user         // execute the scenario
	preloaders []*user         // prepare the sessions
	sweeper    *user           // sweeps while the others work; nil before the users are made
	others     []*audit.Ledger // of other participants' users, after the window
}

// all returns the users in the order of their numbers, the preloaders and the sweeper last.
func (us *users) all() []*user {
	all := slices.Concat(us.active, us.preloaders)
	if us.sweeper != nil {
		all = append(all, us.sweeper)
	}
	return all
}

// ledgers returns the ledgers of the users here and of those of other participants.
func (us *users) ledgers() []*audit.Ledger {
	all := slices.Clone(us.others)
	for _, u := range us.all() {
		all = append(all, &u.ledger)
	}
	return all
}

// haveIndeterminate reports whether any operation is indeterminate.
func (us *users) haveIndeterminate() bool {
	return slices.ContainsFunc(us.ledgers(), func(l *audit.Ledger) bool { return len(l.Indeterminates) > 0 })
}

// lastFinish is the time on the trial's clock when the last user had finished.
func (us *users) lastFinish() time.Duration {
	last := int64(0)
	for _, u := range us.active {
		last = max(last, u.finished)
	}
	return time.Duration(last)
}

// updates is the share of the completed operations that changed a session. One that found none did no work.
func (us *users) updates() float64 {
	var all, changing int64
	for _, u := range us.active {
		for kind, of := range u.stats.ops {
			all += of.done
			if (scenarios.Op(kind) % scenarios.NumOps).Does(scenarios.Mutates) {
				changing += of.done - of.failed + of.refused
			}
		}
	}
	return float64(max(0, changing)) / float64(max(1, all))
}

// busiest is the share of the users' changes that was made in one slot, the one with most.
func (us *users) busiest(slots int) float64 {
	var all, most uint64
	bySlot := make([]uint64, slots)
	for _, u := range us.active {
		for t := range u.ledger.Tallies {
			all += t.Count
			bySlot[t.Slot] += t.Count
			most = max(most, bySlot[t.Slot])
		}
	}
	return float64(most) / float64(max(1, all))
}

// fairness compares what the users completed: Jain, Chiu and Hawe (1984), and the slowest over the fastest.
func (us *users) fairness() result.Fairness {
	if len(us.active) == 0 {
		return result.Fairness{}
	}
	var sum, squares float64
	least, most := us.active[0].stats.completed(), int64(0)
	for _, u := range us.active {
		n := u.stats.completed()
		sum += float64(n)
		squares += float64(n) * float64(n)
		least, most = min(least, n), max(most, n)
	}
	if most == 0 {
		return result.Fairness{}
	}
	return result.Fairness{
		Jain:       sum * sum / (float64(len(us.active)) * squares),
		MinOverMax: float64(least) / float64(most),
		MinOps:     least,
		MaxOps:     most,
	}
}
