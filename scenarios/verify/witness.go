package verify

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
// An order that does not pass refutes the history, where the versions are part of the stored data. Within a life
// no other order reproduces the answers. For the lives, take for each the latest call C and the earliest return D of
// its operations. A life can stand before another only if C of the first is not after D of the second, so
// lives with D before C fill the time between, may not overlap, and stand in the order of D. Whatever else there is
// (a life all of whose operations overlapped, one who found nothing) fits at a single instant between its C and its D,
// and that is possible unless a single life fills all of that time. The proposal takes the first such instant.

// Witness proposes an order for h and tries to certify it. certified means that h is linearizable. Otherwise the finding
// says what stands against it: a refutation, unless the finding is Open, which means that the witness cannot decide.
func Witness(h *SessionHistory) (certified bool, found *Finding) {
	w := witness{ops: h.Ops}
	if found := w.sort(); found != nil {
		found.Open = found.Open || h.Claimed
		return false, found
	}
	if found := w.checkLives(); found != nil {
		found.Open = found.Open || h.Claimed
		return false, found
	}
	if found := certify(h.Ops, w.order()); found != nil {
		found.Open = found.Open || h.Claimed
		return false, found
	}
	return true, nil
}

// placed is an operation and its place in its life: the version twice, plus one where it does not make that version.
type placed struct {
	life int32 // number of the life in order of appearance; -1: told that there was none
	op   int32
	pos  uint64
	call int64
}

const (
	beginning = 0 // of the positions of version 0
	reading   = 1
	removing  = 2
	positions = 4 // a version
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
		case Refused:
			continue
		case Unknown:
			return &Finding{Open: true, Anomaly: Undecided, Ops: []int{i}}
		case NotFound:
			w.absent = append(w.absent, p)
			continue
		}
		life, version := op.Life, op.Version
		creates := (op.Kind == GetOrCreate || op.Kind == Create) && op.Created
		if creates {
			if op.Told&ToldLife == 0 {
				life = op.Tag
			}
			if op.Told&ToldVersion == 0 {
				version = 0
			}
		} else if op.Told&(ToldLife|ToldVersion) != ToldLife|ToldVersion {
			return &Finding{Open: true, Anomaly: Undecided, Ops: []int{i}}
		}
		if life != last || lastLife < 0 {
			last, lastLife = life, number(life)
		}
		p.life = lastLife
		p.pos = version * positions
		switch {
		case creates || op.Kind.Writes() && op.Outcome != RolledBack:
		case op.Kind.Removes():
			p.pos += removing
		default:
			p.pos += reading
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
			if !op.Created {
				return w.noCreator(b)
			}
			maker = p.op
		case b.ending:
			return w.afterTheEnd(b, k)
		case rank == beginning && at == version:
			return w.sameVersion(b, maker, p.op)
		case rank == beginning:
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
		at    int64 // when it stands
		long  bool
		block *block
		op    int32
	}
	var spans []*block
	for i := range w.blocks {
		if b := &w.blocks[i]; b.ret < b.call {
			spans = append(spans, b)
		}
	}
	slices.SortFunc(spans, func(a, b *block) int { return cmp.Or(cmp.Compare(a.ret, b.ret), cmp.Compare(a.call, b.call)) })
	instant := func(call int64) int64 {
		// The first instant from call on that no span fills, if the spans lie apart.
		i, _ := slices.BinarySearchFunc(spans, call, func(b *block, t int64) int {
			if b.ret < t {
				return -1
			}
			return 1
		})
		if i > 0 && spans[i-1].call > call {
			return spans[i-1].call
		}
		return call
	}
	items := make([]item, 0, len(w.absent)+len(w.blocks))
	for i := range w.blocks {
		b := &w.blocks[i]
		if b.ret < b.call {
			items = append(items, item{at: b.ret, long: true, block: b})
		} else {
			items = append(items, item{at: instant(b.call), block: b})
		}
	}
	for _, p := range w.absent {
		items = append(items, item{at: instant(p.call), op: p.op})
	}
	slices.SortStableFunc(items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(long(a.long), long(b.long)))
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

// long puts what stands at one instant before what begins then.
func long(is bool) int {
	if is {
		return 1
	}
	return 0
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
