package runner

import (
	"slices"
	"sync"
	"time"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// users are the users of a trial, by what they do in it.
type users struct {
	mu         sync.Mutex      // of active in an open loop, which makes users as it needs them
	active     []*user         // execute the scenario
	preloaders []*user         // prepare the sessions
	sweeper    *user           // sweeps while the others work; nil before the users are made
	others     []*audit.Ledger // of other participants' users, after the window
}

// all returns the users in the order of their numbers, the preloaders and the sweeper last.
func (us *users) all() []*user {
	us.mu.Lock()
	all := slices.Concat(us.active, us.preloaders)
	us.mu.Unlock()
	if us.sweeper != nil {
		all = append(all, us.sweeper)
	}
	return all
}

// addUser adds a user that executes the scenario, during the trial.
func (tr *trial) addUser(u *user) {
	tr.users.mu.Lock()
	defer tr.users.mu.Unlock()
	tr.recordUser(u)
	tr.users.active = append(tr.users.active, u)
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

// makeUsers makes the users, the preloaders and the sweeper.
func (tr *trial) makeUsers() {
	sc := tr.setup.scenario
	total := sc.Slots()
	lo, hi := tr.setup.part.users(sc.Concurrency(tr.remote))
	if tr.setup.open() {
		hi = min(hi, lo+firstUsers) // the others are made when they are needed
	}
	for i := lo; i < hi; i++ {
		u := tr.newActive(i, tr.newLedger(i))
		if tr.setup.ramped() {
			u.turns = tr.setup.turns(i-lo, hi-lo)
			u.leaves = 0 // a turn is yet to come
		}
		if traffic := tr.setup.traffic; traffic != nil && !tr.setup.open() {
			// With fewer users than shares each takes every n-th.
			for share := i; share < traffic.Users(); share += sc.Users {
				u.shares = append(u.shares, traffic.User(share))
			}
		}
		tr.users.active = append(tr.users.active, u)
	}
	n := tr.numPreloaders()
	for range n {
		tr.users.preloaders = append(tr.users.preloaders, tr.newUser(audit.NewLedger(sc.Users, (total+n-1)/n)))
	}
	tr.users.sweeper = tr.newUser(audit.NewLedger(sc.Users+1, 0))
	if tr.setup.record > 0 && !tr.unaudited {
		tr.openRecordings()
	}
}

// The ledgers' room in all, before they grow: direct ones that every user may fill, else one that most users leave nearly empty.
const (
	directRoom = 512 << 20 // of a hundred users, a tape each; a sparse ledger with as many tallies is larger
	sparseRoom = 64 << 20
)

// newLedger makes the ledger of a user that executes the scenario. Every user comes to every slot on the tape that it may use, sooner or later;
// where that is too much for so many users, most of them are not expected to come far.
func (tr *trial) newLedger(number int) audit.Ledger {
	sc := tr.setup.scenario
	slots, first := sc.SlotsPerUser(), 0
	if sc.OwnSessions {
		first = number * slots
	}
	if tr.setup.tape != nil {
		slots = tr.setup.tape.Touched
	}
	if each := directRoom / audit.TallySize / sc.Users; slots <= each {
		return audit.NewDirectLedger(number, uint32(first), slots)
	}
	return audit.NewLedger(number, min(slots, sparseRoom/audit.TallySize/sc.Users))
}

// newActive makes a user that executes the scenario.
func (tr *trial) newActive(number int, ledger audit.Ledger) *user {
	u := tr.newUser(ledger)
	if sc := tr.setup.scenario; sc.OwnSessions {
		// At least a cache line, so that users do not share the lines they write.
		per := sc.SlotsPerUser()
		u.slots = slots{ids: make([]manager.ID, per, max(per, 8)), first: uint32(number * per)}
	}
	return u
}

// numPreloaders returns the number of preloaders: several where each response takes a network round
// trip. They share one user number. The first of them also removes the sessions left at the end.
func (tr *trial) numPreloaders() int {
	const far = 16
	s := &tr.setup
	if tr.remote && s.record == 0 && !s.scenario.StartsEmpty && (s.scenario.OwnSessions || s.part.first()) {
		return far
	}
	return 1
}

// newUser makes a user without a driver.
func (tr *trial) newUser(ledger audit.Ledger) *user {
	sc, number := tr.setup.scenario, ledger.User
	u := &user{
		trial: tr, slots: tr.sessions, ledger: ledger,
		texts:   tr.setup.contents.Texts(number),
		request: scenarios.Request{Fields: map[string]string{}},
		effect:  scenarios.Effect{Messages: make([]manager.Message, 0, manager.HistoryLimit)},
		scratch: make([]manager.Message, 0, manager.HistoryLimit),
		ramped:  ramped{leaves: forever},
	}
	u.stats.times.to, u.stats.times.user = tr.times, number
	u.stats.holds.timed = u.works() && sc.Hold > 0 && !sc.Spin
	return u
}

// connect gives every user its driver.
func (tr *trial) connect() (err error) {
	for _, u := range tr.users.all() {
		if err = tr.connectUser(u); err != nil {
			return err
		}
	}
	return nil
}

// connectUser gives a user its driver.
func (tr *trial) connectUser(u *user) (err error) {
	var work manager.Work
	if u.works() && (tr.setup.work != nil || tr.setup.hold > 0) {
		work = u.work
	}
	u.driver, err = tr.system.connect(u, work)
	u.progress.Add(1)
	return err
}
