package history

import "slices"

// maxUnknown is how many operations of unknown outcome a history may hold for resolve to try.
const maxUnknown = 4

// An operation of unknown outcome may be taken to come after all others, which is the same as not at all. Only three
// things that the others were told can need it: a life that nobody else began (a creation begins the life of its tag), a
// version that nobody else made, and the end of a life that nobody else removed, with another life or an absence after
// it. What only operations of unknown outcome have met, nobody was told of, and can be left out as a whole.
//
// So there are few ways to account for at most four of them. Each is proposed to the witness as if it had been told, and
// the order that comes of it is certified with the operations as they were recorded.

// resolve is [Witness] for a history that may hold operations of unknown outcome. With any of them, and no order certified,
// the finding is Open, and says what stands against the first way to account for them.
func resolve(h *History) (certified bool, found *Finding) {
	r := resolver{recorded: h.Ops}
	for i := range h.Ops {
		if h.Ops[i].Outcome == Indeterminate {
			r.unknown = append(r.unknown, int32(i))
		}
	}
	if len(r.unknown) == 0 {
		return Witness(h)
	}
	if len(r.unknown) > maxUnknown {
		return false, undecided(int(r.unknown[0]))
	}
	r.ops = slices.Clone(h.Ops)
	for _, i := range r.unknown {
		r.ops[i].Outcome = NotApplied
	}
	if r.meet() && r.begin() && r.fill(r.gaps()) {
		return true, nil
	}
	if r.found == nil && r.certify() { // not needed for anything that was told
		return true, nil
	}
	r.found.Undecided = true
	return false, r.found
}

type resolver struct {
	recorded []Op
	ops      []Op    // those of unknown outcome are Refused while they are left out, and OK where they account for something
	unknown  []int32 // their indices
	lives    []*met
	found    *Finding // against the first attempt
}

// met is a life as those who were answered met it.
type met struct {
	life         Tag
	begun, ended bool
	made         []uint64 // versions
	top          uint64   // version
}

// gap is a version that was seen, and that nobody was told to have made.
type gap struct {
	life    Tag
	version uint64
}

// meet gathers the lives. false: somebody was not told what it met.
func (r *resolver) meet() bool {
	known := map[Tag]*met{}
	for i := range r.ops {
		op := &r.ops[i]
		if op.Outcome == NotApplied || op.Outcome == NotFound {
			continue
		}
		life := op.MetIncarnation()
		if !op.Created && op.Parts&(PartIncarnation|PartVersion) != PartIncarnation|PartVersion {
			r.found = undecided(i)
			return false
		}
		l := known[life]
		if l == nil {
			l = &met{life: life}
			known[life] = l
			r.lives = append(r.lives, l)
		}
		l.begun = l.begun || op.Created
		l.ended = l.ended || op.Kind.Removes()
		if op.Created {
			continue
		}
		l.top = max(l.top, op.Version)
		if op.Outcome != RolledBack {
			for _, versions := op.writes(); versions > 0; versions-- {
				l.made = append(l.made, op.Version-versions+1)
			}
		}
	}
	return true
}

// begin lets unknown creations begin the lives that nobody else did. false: there is a life that none of them began.
func (r *resolver) begin() bool {
	for _, l := range r.lives {
		if l.begun {
			continue
		}
		i := slices.IndexFunc(r.unknown, func(i int32) bool {
			op := &r.ops[i]
			return op.Kind.Creates() && op.Tag == l.life
		})
		if i < 0 {
			return false
		}
		r.apply(r.unknown[i], l.life, 0)
	}
	return true
}

// gaps lists the versions to account for, in order within each life. When there are more than unknown operations can fill,
// it stops at one too many.
func (r *resolver) gaps() []gap {
	const most = 2 * maxUnknown
	var gaps []gap
	for _, l := range r.lives {
		slices.Sort(l.made)
		due := uint64(1)
		for _, version := range append(l.made, l.top+1) {
			for ; due < version && len(gaps) <= most; due++ {
				gaps = append(gaps, gap{l.life, due})
			}
			due = max(due, version+1)
		}
	}
	return gaps
}

// fill tries each way to fill the gaps with unknown writes, and then each way to end lives.
func (r *resolver) fill(gaps []gap) bool {
	if len(gaps) == 0 {
		return r.end(slices.DeleteFunc(slices.Clone(r.lives), func(l *met) bool { return l.ended }))
	}
	for _, i := range r.unknown {
		op := &r.ops[i]
		_, versions := op.writes()
		n := int(versions)
		if n == 0 || op.Outcome == OK || n > len(gaps) || gaps[n-1] != (gap{gaps[0].life, gaps[0].version + versions - 1}) {
			continue
		}
		r.apply(i, gaps[0].life, gaps[n-1].version)
		if r.fill(gaps[n:]) {
			return true
		}
		r.leaveOut(i)
	}
	return false
}

// end tries each way to end the lives that nobody else removed: all of them but one, after which nothing can come.
func (r *resolver) end(open []*met) bool {
	removals := slices.DeleteFunc(slices.Clone(r.unknown), func(i int32) bool {
		return !r.ops[i].Kind.Removes() || r.ops[i].Outcome == OK
	})
	if len(open) > len(removals)+1 {
		return false
	}
	if len(open) == 0 {
		return r.certify()
	}
	for _, i := range removals {
		r.apply(i, open[0].life, open[0].top)
		if r.end(open[1:]) {
			return true
		}
		r.leaveOut(i)
	}
	return r.end(open[1:])
}

// apply lets an unknown operation be one that was told of life and version.
func (r *resolver) apply(i int32, life Tag, version uint64) {
	op := &r.ops[i]
	op.Outcome, op.Parts, op.Incarnation, op.Version = OK, PartIncarnation|PartVersion, life, version
	op.Created = op.Kind.Creates()
}

func (r *resolver) leaveOut(i int32) { r.ops[i].Outcome, r.ops[i].Created = NotApplied, false }

// certify asks the witness for an order, puts what was left out last, and certifies it for what was recorded.
func (r *resolver) certify() bool {
	order, found := propose(r.ops)
	if found == nil {
		for _, i := range r.unknown {
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
