package history

import (
	"cmp"
	"slices"
)

// The version witness decides in O(n log n) whether a history is linearizable (Herlihy and Wing, 1990) when the operations
// were told which life of the session they met and at which version.
//
// These leave little to choose. All operations on one life have their order: its creation, the change that made version 1,
// those who read version 1, the change that made version 2, and so on to its removal. What is open is how the lives
// follow each other, and in which gaps between them those stand who were told that there was no session.
//
// So the witness proposes one order of all operations, and [certify] goes through it once: it replays the sequential
// specification and demands the answers given, and that nobody comes after an operation that it returned before.
// An order that passes is a linearization, whatever the store says about its versions: a certificate.
//
// An order that does not pass refutes the history, provided that the versions are part of the stored data, that no tag is
// used twice, and that everybody who met a session was told its life and version (else the finding is Open). For then
// within a life no other order reproduces the answers, but for readers of the same version, who stand in the order of
// their calls. And nothing else comes between the operations of a life, since only one creation begins it.
//
// For the lives, take for each the latest call C and the earliest return D of its operations; C is infinite where the life
// was not removed, as nothing can follow then. One who found nothing counts as a life of one operation. A life x may come
// before y if and only if C(x) ≤ D(y), and nothing else is asked of their order. Sort them by the lesser of C and D, in a
// tie those with C ≤ D first. If x then stands before y and must not, since C(x) > D(y), it must not come after y either:
//
//	D(x) < C(x), D(y) < C(y):  D(x) ≤ D(y) < C(y), so C(y) > D(x)
//	D(x) < C(x), C(y) ≤ D(y):  D(x) < C(y) by the tie rule, so C(y) > D(x)
//	C(x) ≤ D(x):               C(x) ≤ min(C(y), D(y)) ≤ D(y), so this does not happen

// Witness proposes an order for h and tries to certify it. certified means that h is linearizable. Otherwise the finding
// says what stands against it: a refutation, unless the finding is Open, which means that the witness cannot decide.
func Witness(h *History) (certified bool, found *Finding) {
	if i := slices.IndexFunc(h.Ops, func(op Op) bool { return op.Outcome == Indeterminate }); i >= 0 {
		return false, undecided(i)
	}
	order, found := propose(h.Ops)
	if found == nil {
		found = certify(h.Ops, order)
	}
	if found != nil {
		found.Undecided = found.Undecided || h.Claimed
		return false, found
	}
	return true, nil
}

// undecided is the finding that operation i leaves more than one order to choose from.
func undecided(i int) *Finding { return &Finding{Undecided: true, Ops: []int{i}} }

// propose returns the one order of ops that may be a linearization, as their indices, or a finding why there is none.
// Operations that were refused or whose outcome is unknown are left out.
func propose(ops []Op) (order []int32, found *Finding) {
	w := witness{ops: ops}
	if found := w.sort(); found != nil {
		return nil, found
	}
	if found := w.checkLives(); found != nil {
		return nil, found
	}
	return w.order(), nil
}

// placed is an operation and its place in its life.
type placed struct {
	life int32 // number of the life in order of appearance; -1: told that there was none
	op   int32
	pos  uint64 // positions × version + position
	call int64
}

// The positions of one version: who creates a session stands before one who claims to have made version 0 of it.
const (
	creating = iota
	making
	reading
	removing
	positions
)

// block is one life: its operations in their order, and the bounds that they set.
type block struct {
	ops    []placed
	call   int64 // latest
	ret    int64 // earliest
	ending bool  // its removal is among them
}

type witness struct {
	ops    []Op
	placed []placed
	blocks []block
	absent []placed
}

// sort finds each operation's place in its life, as far as it alone tells it.
func (w *witness) sort() *Finding {
	lives := map[Tag]int32{}
	number := func(t Tag) int32 {
		n, known := lives[t]
		if !known {
			n = int32(len(lives))
			lives[t] = n
		}
		return n
	}
	w.placed = make([]placed, 0, len(w.ops))
	last, lastLife := Tag(0), int32(-1)
	for i := range w.ops {
		op := &w.ops[i]
		p := placed{life: -1, op: int32(i), call: op.Call}
		switch op.Outcome {
		case NotApplied, Indeterminate:
			continue
		case NotFound:
			w.absent = append(w.absent, p)
			continue
		}
		life, position := op.MetIncarnation(), uint64(reading)
		switch {
		case op.Created:
			position = creating
		case op.Parts&(PartIncarnation|PartVersion) != PartIncarnation|PartVersion:
			return undecided(i)
		case op.Kind.Writes() && op.Outcome != RolledBack:
			position = making
		case op.Kind.Removes():
			position = removing
		}
		if life != last || lastLife < 0 {
			last, lastLife = life, number(life)
		}
		p.life = lastLife
		if p.pos = position; !op.Created { // whatever version a creator was told: it makes version 0
			p.pos += op.Version * positions
		}
		w.placed = append(w.placed, p)
	}
	slices.SortFunc(w.placed, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.life, b.life), cmp.Compare(a.pos, b.pos), cmp.Compare(a.call, b.call))
	})
	return nil
}

// checkLives parts the operations into lives and looks whether each has one beginning, every version once, and at most one end.
func (w *witness) checkLives() *Finding {
	for from := 0; from < len(w.placed); {
		to := from
		for to < len(w.placed) && w.placed[to].life == w.placed[from].life {
			to++
		}
		b := block{ops: w.placed[from:to:to], call: minTime, ret: Never}
		if found := w.checkLife(&b); found != nil {
			return found
		}
		w.blocks = append(w.blocks, b)
		from = to
	}
	return nil
}

const minTime = -1 << 63

func (w *witness) checkLife(b *block) *Finding {
	var maker int32 = -1 // of the version at hand
	version := uint64(0)
	for k, p := range b.ops {
		op := &w.ops[p.op]
		b.call, b.ret = max(b.call, op.Call), min(b.ret, op.Return)
		at, rank := p.pos/positions, p.pos%positions
		switch {
		case k == 0:
			if rank != creating {
				return w.noCreator(b)
			}
			maker = p.op
		case b.ending:
			return w.afterTheEnd(b, k)
		case rank == creating, rank == making && at == version:
			return w.sameVersion(b, maker, p.op)
		case rank == making:
			_, versions := op.writes()
			if at != version+versions {
				return w.missingVersion(b, version+1, k)
			}
			version, maker = at, p.op
		case at != version:
			return w.missingVersion(b, version+1, k)
		case rank == removing:
			b.ending = true
		}
	}
	if !b.ending {
		b.call = Never // nothing can follow it
	}
	return nil
}

// order is the proposed order of all operations, as their indices.
func (w *witness) order() []int32 {
	type item struct {
		at    int64
		long  bool // D is before C
		block *block
		op    int32
	}
	items := make([]item, 0, len(w.absent)+len(w.blocks))
	for i := range w.blocks {
		b := &w.blocks[i]
		items = append(items, item{at: min(b.call, b.ret), long: b.ret < b.call, block: b})
	}
	for _, p := range w.absent {
		items = append(items, item{at: p.call, op: p.op})
	}
	slices.SortFunc(items, func(a, b item) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.long == b.long:
			return 0
		case b.long:
			return -1
		}
		return 1
	})
	order := make([]int32, 0, len(w.placed)+len(w.absent))
	for _, it := range items {
		if it.block == nil {
			order = append(order, it.op)
			continue
		}
		for _, p := range it.block.ops {
			order = append(order, p.op)
		}
	}
	return order
}

// certify replays ops in order. nil: the order is a linearization of them. It trusts nothing but what it is given.
func certify(ops []Op, order []int32) *Finding {
	var s state
	latest := int32(-1) // the operation called last of those that came by
	for k, i := range order {
		op := &ops[i]
		if latest >= 0 && op.Return < ops[latest].Call {
			return explainOrder(ops, order[:k], latest, i)
		}
		if latest < 0 || op.Call > ops[latest].Call {
			latest = i
		}
		before := s
		if m := s.step(op); m != fits {
			return explainAnswer(ops, order, k, &before, m)
		}
	}
	return nil
}
