package history

import "slices"

// maxIndeterminate is the number of indeterminate operations up to which resolve tries.
const maxIndeterminate = 4

// An indeterminate operation may be placed after all others, as if it had not taken effect. Only three results of the
// others can require it: an incarnation that no other operation created (a creation begins the incarnation of its tag),
// a version that no other operation wrote, and the end of an incarnation that no other operation removed, with another
// incarnation or an absence after it. An incarnation that only indeterminate operations met can be left out as a whole.
//
// So there are few ways to place at most four of them. Each is proposed to the witness as if the operations had returned
// that result, and the order found is certified with the operations as they were recorded.

// resolve is [Witness] for a history that may hold indeterminate operations. With any of them and no order certified, the
// finding is Undecided, and explains what contradicts the first way to place them.
func resolve(h *History) (certified bool, found *Finding) {
	r := resolver{recorded: h.Ops}
	for i := range h.Ops {
		if h.Ops[i].Outcome == Indeterminate {
			r.pending = append(r.pending, int32(i))
		}
	}
	if len(r.pending) == 0 {
		return Witness(h)
	}
	if len(r.pending) > maxIndeterminate {
		return false, undecided(int(r.pending[0]))
	}
	r.ops = slices.Clone(h.Ops)
	for _, i := range r.pending {
		r.ops[i].Outcome = NotApplied
	}
	if r.meet() && r.begin() && r.fill(r.gaps()) {
		return true, nil
	}
	if r.found == nil && r.certify() { // no result requires any of them
		return true, nil
	}
	r.found.Undecided = true
	return false, r.found
}

type resolver struct {
	recorded []Op
	ops      []Op    // indeterminate ones are NotApplied while left out, and OK while placed
	pending  []int32 // their indices
	met      []*met
	found    *Finding // against the first attempt
}

// met is an incarnation as the determinate operations met it.
type met struct {
	incarnation    Tag
	created, ended bool
	written        []uint64 // versions
	top            uint64   // version
}

// gap is a version that an operation returned and no determinate operation wrote.
type gap struct {
	incarnation Tag
	version     uint64
}

// meet gathers the incarnations. false: an operation did not return what it met.
func (r *resolver) meet() bool {
	known := map[Tag]*met{}
	for i := range r.ops {
		op := &r.ops[i]
		if op.Outcome == NotApplied || op.Outcome == NotFound {
			continue
		}
		incarnation := op.MetIncarnation()
		if !op.Created && !op.placed() {
			r.found = undecided(i)
			return false
		}
		l := known[incarnation]
		if l == nil {
			l = &met{incarnation: incarnation}
			known[incarnation] = l
			r.met = append(r.met, l)
		}
		l.created = l.created || op.Created
		l.ended = l.ended || op.Kind.Removes()
		if op.Created {
			continue
		}
		l.top = max(l.top, op.Version)
		if op.Outcome != RolledBack {
			for _, versions := op.writes(); versions > 0; versions-- {
				l.written = append(l.written, op.Version-versions+1)
			}
		}
	}
	return true
}

// begin places indeterminate creations at the incarnations that no other operation created. false: one remains.
func (r *resolver) begin() bool {
	for _, l := range r.met {
		if l.created {
			continue
		}
		i := slices.IndexFunc(r.pending, func(i int32) bool {
			op := &r.ops[i]
			return op.Kind.Creates() && op.Tag == l.incarnation
		})
		if i < 0 {
			return false
		}
		r.apply(r.pending[i], l.incarnation, 0)
	}
	return true
}

// gaps lists the versions that no operation wrote, in order within each incarnation. It stops at one more than
// indeterminate operations can fill.
func (r *resolver) gaps() []gap {
	const most = 2 * maxIndeterminate
	var gaps []gap
	for _, l := range r.met {
		slices.Sort(l.written)
		due := uint64(1)
		for _, version := range append(l.written, l.top+1) {
			for ; due < version && len(gaps) <= most; due++ {
				gaps = append(gaps, gap{l.incarnation, due})
			}
			due = max(due, version+1)
		}
	}
	return gaps
}

// fill tries each way to fill the gaps with indeterminate writes, and then each way to end incarnations.
func (r *resolver) fill(gaps []gap) bool {
	if len(gaps) == 0 {
		return r.end(slices.DeleteFunc(slices.Clone(r.met), func(l *met) bool { return l.ended }))
	}
	for _, i := range r.pending {
		op := &r.ops[i]
		_, versions := op.writes()
		n := int(versions)
		if n == 0 || op.Outcome == OK || n > len(gaps) || gaps[n-1] != (gap{gaps[0].incarnation, gaps[0].version + versions - 1}) {
			continue
		}
		r.apply(i, gaps[0].incarnation, gaps[n-1].version)
		if r.fill(gaps[n:]) {
			return true
		}
		r.leaveOut(i)
	}
	return false
}

// end tries each way to end the incarnations that no other operation removed: all but one, which nothing follows.
func (r *resolver) end(open []*met) bool {
	removals := slices.DeleteFunc(slices.Clone(r.pending), func(i int32) bool {
		return !r.ops[i].Kind.Removes() || r.ops[i].Outcome == OK
	})
	if len(open) > len(removals)+1 {
		return false
	}
	if len(open) == 0 {
		return r.certify()
	}
	for _, i := range removals {
		r.apply(i, open[0].incarnation, open[0].top)
		if r.end(open[1:]) {
			return true
		}
		r.leaveOut(i)
	}
	return r.end(open[1:])
}

// apply places an indeterminate operation as if it had returned incarnation and version.
func (r *resolver) apply(i int32, incarnation Tag, version uint64) {
	op := &r.ops[i]
	op.Outcome, op.Parts, op.Incarnation, op.Version = OK, PartIncarnation|PartVersion, incarnation, version
	op.Created = op.Kind.Creates()
}

func (r *resolver) leaveOut(i int32) { r.ops[i].Outcome, r.ops[i].Created = NotApplied, false }

// certify takes the witness's order, appends the operations left out, and certifies it for the recorded operations.
func (r *resolver) certify() bool {
	order, found := propose(r.ops)
	if found == nil {
		for _, i := range r.pending {
			if r.ops[i].Outcome == NotApplied {
				order = append(order, i)
			}
		}
		found = certify(r.recorded, order)
	}
	if found != nil && r.found == nil {
		r.found = found
	}
	return found == nil
}
