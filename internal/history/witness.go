package history

import (
	"cmp"
	"slices"
)

// The version witness decides in O(n log n) whether a history is linearizable (Herlihy and Wing, 1990) if the
// operations returned the incarnation of the session that they met, and its version.
//
// These leave little to choose. All operations on one incarnation have an order: its creation, the change that wrote
// version 1, the reads of version 1, the change that wrote version 2, and so on to its removal. What remains open is
// the order of the incarnations, and the gaps between them in which operations found no session.
//
// The witness therefore proposes one order of all operations, and [certify] replays it on the sequential
// specification: each operation must get the result that it returned, and must not have returned before the call of
// an operation that precedes it in the order. An order that passes is a linearization, whatever the store says about
// its versions: a certificate.
//
// An order that fails refutes the history, provided that versions are part of the stored data, that no tag is used
// twice, and that every operation that met a session returned its incarnation and version (otherwise the finding is
// Undecided). For then no other order within an incarnation reproduces the results, except of reads of the same
// version, which stand in the order of their calls. And no other operation comes between those of an incarnation,
// since only one creation begins it.
//
// For each incarnation take the latest call C and the earliest return D of its operations; C is infinite if the
// incarnation was not removed, since nothing can follow it. An operation that found no session counts as an
// incarnation of one operation. Incarnation x may precede y if and only if C(x) ≤ D(y); there is no other constraint.
// Sort them by min(C, D), and in a tie those with C ≤ D first. If x then stands before y although C(x) > D(y), it must
// not come after y either:
//
//	D(x) < C(x), D(y) < C(y):  D(x) ≤ D(y) < C(y), so C(y) > D(x)
//	D(x) < C(x), C(y) ≤ D(y):  D(x) < C(y) by the tie rule, so C(y) > D(x)
//	C(x) ≤ D(x):               C(x) ≤ min(C(y), D(y)) ≤ D(y), so this does not happen

// Witness proposes an order for h and tries to certify it. certified means that h is linearizable. Otherwise the
// finding explains why not: a refutation, unless it is Undecided.
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

// undecided returns the finding that operation i allows more than one order.
func undecided(i int) *Finding { return &Finding{Undecided: true, Ops: []int{i}} }

// propose returns the only order of ops that may be a linearization, as their indices, or a finding why there is none.
// Operations that were not applied or are indeterminate are left out.
func propose(ops []Op) (order []int32, found *Finding) {
	w := witness{ops: ops}
	if found := w.sort(); found != nil {
		return nil, found
	}
	if found := w.checkIncarnations(); found != nil {
		return nil, found
	}
	return w.order(), nil
}

// placed is an operation and its position in its incarnation.
type placed struct {
	incarnation int32 // number, in order of appearance
	op          int32
	pos         uint64 // positions × version + position
	call        int64
}

// The positions of one version. A creation precedes a change that returned version 0.
const (
	creating = iota
	making
	reading
	removing
	positions
)

// block is one incarnation: its operations in their order, and their bounds C and D.
type block struct {
	ops    []placed
	call   int64 // latest
	ret    int64 // earliest
	ending bool  // its removal was seen
}

type witness struct {
	ops    []Op
	placed []placed
	blocks []block
	absent []placed
}

// sort finds each operation's position from its own result.
func (w *witness) sort() *Finding {
	numbers := map[Tag]int32{}
	w.placed = make([]placed, 0, len(w.ops))
	last, lastNumber := Tag(0), int32(-1) // spares most look-ups
	for i := range w.ops {
		op := &w.ops[i]
		p := placed{op: int32(i), call: op.Call}
		switch op.Outcome {
		case NotApplied, Indeterminate:
			continue
		case NotFound:
			w.absent = append(w.absent, p)
			continue
		}
		incarnation, position := op.MetIncarnation(), uint64(reading)
		switch {
		case op.Created:
			position = creating
		case !op.placed():
			return undecided(i)
		case op.Kind.Writes() && op.Outcome != RolledBack:
			position = making
		case op.Kind.Removes():
			position = removing
		}
		if incarnation != last || lastNumber < 0 {
			n, known := numbers[incarnation]
			if !known {
				n = int32(len(numbers))
				numbers[incarnation] = n
			}
			last, lastNumber = incarnation, n
		}
		p.incarnation = lastNumber
		if p.pos = position; !op.Created { // a creation writes version 0, whatever version it returned
			p.pos += op.Version * positions
		}
		w.placed = append(w.placed, p)
	}
	slices.SortFunc(w.placed, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.incarnation, b.incarnation), cmp.Compare(a.pos, b.pos), cmp.Compare(a.call, b.call))
	})
	return nil
}

// checkIncarnations checks that each incarnation has one creation, every version once, and at most one removal.
func (w *witness) checkIncarnations() *Finding {
	for from := 0; from < len(w.placed); {
		to := from
		for to < len(w.placed) && w.placed[to].incarnation == w.placed[from].incarnation {
			to++
		}
		b := block{ops: w.placed[from:to:to], call: minTime, ret: Never}
		if found := w.check(&b); found != nil {
			return found
		}
		w.blocks = append(w.blocks, b)
		from = to
	}
	return nil
}

const minTime = -1 << 63

func (w *witness) check(b *block) *Finding {
	var writer int32 = -1 // of the current version
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
			writer = p.op
		case b.ending:
			return w.afterTheEnd(b, k)
		case rank == creating, rank == making && at == version:
			return w.sameVersion(writer, p.op)
		case rank == making:
			_, versions := op.writes()
			if at != version+versions {
				return w.missingVersion(b, version+1, k)
			}
			version, writer = at, p.op
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

// order returns the proposed order of all operations, as their indices.
func (w *witness) order() []int32 {
	type item struct {
		at    int64
		long  bool // D < C
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

// certify replays ops in order. nil: the order is a linearization of them. It does not rely on how the order was found.
func certify(ops []Op, order []int32) *Finding {
	var s state
	latest := int32(-1) // the operation with the latest call so far
	for k, i := range order {
		op := &ops[i]
		if latest >= 0 && op.Return < ops[latest].Call {
			return explainOrder(ops, latest, i)
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
