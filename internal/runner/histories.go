package runner

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/sessbench/sessbench/internal/audit"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
)

// sample gives numbers from 1 to one slot in so many, chosen by a hash of slot and seed, and to at least one. The others get 0.
func sample(slots, one int, seed uint64) (numbers []uint32, n uint32) {
	numbers = make([]uint32, slots)
	seed = audit.Mix(seed)
	limit := ^uint64(0) / uint64(one)
	lowest, least := ^uint64(0), 0
	for slot := range numbers {
		h := audit.Mix(seed ^ uint64(slot))
		if h < lowest {
			lowest, least = h, slot
		}
		if h <= limit {
			n++
			numbers[slot] = n
		}
	}
	if n == 0 {
		numbers[least], n = 1, 1
	}
	return numbers, n
}

// openRecordings has the users record their operations on a sample of the sessions.
func (tr *trial) openRecordings() {
	s := tr.setup.scenario
	sampled, n := sample(s.Slots(), tr.setup.record, tr.setup.seed)
	numbers := make([]uint32, len(sampled))
	for i, number := range sampled {
		numbers[tr.setup.slotOf(i)] = number
	}
	tr.sessions.numbers = numbers
	room := newPages(tr.setup.room, s.Users)
	for _, u := range []*user{tr.users.preloaders[0], tr.users.sweeper} {
		u.slots.numbers = numbers
		u.record(room)
	}
	concerned := tr.users.active
	if s.OwnSessions && !tr.setup.open() {
		concerned = slices.DeleteFunc(slices.Clone(tr.users.active), func(u *user) bool {
			return !slices.ContainsFunc(tr.sessions.numbersOf(&u.slots), func(number uint32) bool { return number != 0 })
		})
	}
	tr.recording = recordingPlan{room: room, first: n + 1, users: uint32(len(concerned))}
	if tr.setup.open() {
		tr.recording.users = uint32(s.Users)
	}
	for _, u := range concerned {
		tr.recordUser(u)
	}
}

// recordingPlan is how users record. The zero plan is that none does.
type recordingPlan struct {
	room  *pages
	first uint32 // number of the first session that a user creates
	users uint32 // that record, at most
	n     uint32 // that do
}

// recordUser has a user record, if users do.
func (tr *trial) recordUser(u *user) {
	p := &tr.recording
	if p.room == nil {
		return
	}
	u.slots.numbers = tr.sessions.numbers
	if s := tr.setup.scenario; s.OwnSessions {
		u.slots.numbers = append(make([]uint32, 0, max(s.SlotsPerUser(), 16)), tr.sessions.numbersOf(&u.slots)...) // a cache line or more, as for ids
	}
	u.record(p.room)
	// Users number the sessions that they create later in an interleaved way: numbers are unique, and few remain unused.
	u.recording.next, u.recording.stride = p.first+p.n, p.users
	p.n++
}

// checkHistories puts together what was recorded and has the version witness decide each session's history. A history that
// it refutes is a violation. An incomplete recording decides nothing, which the result says.
func (tr *trial) checkHistories() error {
	found := &result.Recorded{}
	tr.found.Recorded = found
	all := tr.users.all()
	sessions := recordedSessions(&tr.sessions, all)
	last := tr.users.preloaders[0].recording
	last.sweepEnded(len(last.ledger.Final), tr.phases.now())
	recordEnds(sessions, last, tr.users.sweeper.recording)
	for _, u := range all {
		c := u.recording
		if c == nil {
			continue
		}
		found.Operations += c.ops
		switch {
		case u.panicked:
			found.Unchecked = fmt.Sprintf("user %d was ended by a panic", u.number())
		case c.cut:
			found.Unchecked = fmt.Sprintf("histories were cut when they had grown to %d MiB", tr.setup.room>>20)
		}
	}
	if found.Unchecked != "" {
		return nil
	}
	var records []*history.Recorder
	for _, u := range all {
		if u.recording != nil {
			records = append(records, u.recording.recorder())
		}
	}
	ids := renumber(sessions, records)
	histories := history.Merge(ids, false, records)
	found.Sessions = len(histories)
	findings, err := witnessed(tr.ctx, histories)
	for i, f := range findings {
		switch {
		case f == nil:
			found.Certified++
		case f.Undecided:
			found.Undecided++
		default:
			tr.found.Violate(string(f.Anomaly), histories[i].ID, "%s", f.Why)
		}
	}
	return err
}

// recordedSessions is the recorded sessions in the order of their numbers, which leave gaps.
func recordedSessions(shared *slots, users []*user) (all []minted) {
	for slot, id := range shared.ids {
		if number := shared.numbers[slot]; number != 0 {
			all = append(all, minted{number, id})
		}
	}
	for _, u := range users {
		if u.recording != nil {
			all = append(all, u.recording.minted...)
		}
	}
	slices.SortFunc(all, func(a, b minted) int { return cmp.Compare(a.number, b.number) })
	return all
}

// renumber closes the gaps between the numbers, and returns the sessions' ids by their new ones. If some
// users make many sessions and others few, most numbers would otherwise be unused.
func renumber(sessions []minted, records []*history.Recorder) []manager.ID {
	ids := make([]manager.ID, len(sessions))
	for i, m := range sessions {
		ids[i] = m.id
	}
	for _, r := range records {
		r.Renumber(func(number uint32) uint32 {
			i, _ := slices.BinarySearchFunc(sessions, number, func(m minted, n uint32) int { return cmp.Compare(m.number, n) })
			return uint32(i)
		})
	}
	return ids
}

// recordEnds adds the sessions that sweeps removed to the recordings of those who swept.
func recordEnds(sessions []minted, sweepers ...*recording) {
	numbers := make(map[manager.ID]uint32, len(sessions))
	for _, m := range sessions {
		numbers[m.id] = m.number
	}
	for _, c := range sweepers {
		at := 0
		for _, sweep := range c.swept {
			for ; at < sweep.handed; at++ {
				e := &c.ledger.Final[at]
				if number := numbers[e.ID]; number != 0 {
					o := history.Op{Call: e.Since, Return: sweep.at, Kind: history.Sweep, Outcome: history.OK}
					c.finalState(e, &o)
					c.note(number, &o)
				}
			}
		}
	}
}

// witnessed runs the version witness on the histories, several at once. The finding of a certified history is nil. If ctx
// ends, so does the check, with its error.
func witnessed(ctx context.Context, histories []history.History) ([]*history.Finding, error) {
	findings := make([]*history.Finding, len(histories))
	var next atomic.Int64
	err := forEach(runtime.GOMAXPROCS(0), func(int) error {
		for ctx.Err() == nil {
			i := int(next.Add(1)) - 1
			if i >= len(histories) {
				return nil
			}
			_, findings[i] = history.Witness(&histories[i])
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return nil, err
	}
	return findings, nil
}
