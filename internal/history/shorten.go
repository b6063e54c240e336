package history

import (
	"cmp"
	"context"
	"slices"
)

// maxPending is the number of removals without a return that a prefix may hold: each doubles the number of variants.
const maxPending = 7

// shorten looks for the shortest history inside a violating one that still proves the violation: its shortest failing
// prefix, without the reads that prove nothing. Writes of that prefix (creations, changes, removals) are never dropped.
// origin holds the index in h of each operation of short. Operations of short are in the order of their calls.
//
// violated must be sure when it returns true. short violates whenever h does; if h does not, or ctx ends before a shorter
// history is found, short is h itself.
//
// Linearizability is prefix-closed (Herlihy and Wing, 1990), so the shortest failing prefix is found by bisection over the
// number of operations that have returned. An operation that was called and has not returned by then may or may not have
// taken effect: a prefix fails only if it fails either way. See [cutter.prefix]. Reads are dropped by delta debugging,
// halves first (ddmin: Zeller and Hildebrandt, 2002).
func shorten(ctx context.Context, h *History, violated func(*History) bool) (short *History, origin []int) {
	c := newCutter(ctx, h, violated)
	best := prefix{variants: [][]int{c.byCall}, end: Never}
	if !c.fails(best, nil) {
		return h, identity(len(h.Ops))
	}
	low, high := 1, len(c.byReturn)+1 // returns in the shortest failing prefix; one more than there are: best stays
	for low < high {
		mid := low + (high-low)/2
		if p, sound := c.prefix(mid); sound && c.fails(p, nil) {
			best, high = p, mid
		} else {
			low = mid + 1
		}
	}
	reads := slices.DeleteFunc(slices.Clone(best.variants[0]), func(i int) bool { return !c.droppable(i) })
	needed := ddmin(reads, func(kept []int) bool { return c.fails(best, without(reads, kept)) })
	return c.build(best.variants[0], best.end, without(reads, needed))
}

// prefix is a history up to the time at which the last counted operation returned.
type prefix struct {
	end int64 // that time

	// The operations that have taken effect, as indices in the order of their calls: one variant for each subset of the
	// pending removals, the largest first.
	variants [][]int
}

// cutter cuts a history.
type cutter struct {
	ctx       context.Context
	h         *History
	ops       []Op         // of h
	versioned bool         // every result shows its place in its incarnation
	byCall    []int        // all operations
	byReturn  []int        // those that returned
	seen      map[Tag]bool // read, or met as an incarnation
	violated  func(*History) bool
}

func newCutter(ctx context.Context, h *History, violated func(*History) bool) *cutter {
	c := &cutter{ctx: ctx, h: h, ops: h.Ops, versioned: !h.Claimed, seen: map[Tag]bool{}, violated: violated}
	c.byCall = identity(len(c.ops))
	slices.SortStableFunc(c.byCall, func(i, j int) int { return cmp.Compare(c.ops[i].Call, c.ops[j].Call) })
	for i := range c.ops {
		op := &c.ops[i]
		if op.Return != Never {
			c.byReturn = append(c.byReturn, i)
		}
		if !op.Created && op.TookPlace() && !op.placed() {
			c.versioned = false
		}
		c.seen[op.Incarnation] = true
		for _, t := range op.saw() {
			c.seen[t] = true
		}
	}
	slices.SortStableFunc(c.byReturn, func(i, j int) int { return cmp.Compare(c.ops[i].Return, c.ops[j].Return) })
	return c
}

// prefix returns the history's prefix up to the k-th return. It is not sound if there are too many variants.
//
// Operations that had not returned and change nothing are left out. A change whose version was seen by then had taken
// effect, and is kept with the result that it returned later. A later version had not been seen, and nothing in the prefix
// can depend on it. The time of a removal does not show in a version: the prefix has a variant with and without each
// of them, and with what they in turn have seen. If a linearization of the whole history existed, one of the variants
// would be linearizable, too.
//
// Without versions, an operation that had not returned may have been applied at any time after its call, or never.
func (c *cutter) prefix(k int) (p prefix, sound bool) {
	p.end = c.ops[c.byReturn[k-1]].Return
	returned := make([]bool, len(c.ops))
	for _, i := range c.byReturn[:k] {
		returned[i] = true
	}
	in := slices.Clone(returned)
	var pending []int
	for _, i := range c.byCall {
		switch op := &c.ops[i]; {
		case returned[i] || op.Call > p.end || !op.MayChange():
		case op.Outcome == Indeterminate || !c.versioned:
			in[i] = true
		default:
			pending = append(pending, i)
		}
	}
	c.close(in, pending)
	removals := slices.DeleteFunc(slices.Clone(pending), func(i int) bool { return in[i] || !c.ops[i].Kind.Removes() })
	if len(removals) > maxPending {
		return p, false
	}
	for chosen := 1<<len(removals) - 1; chosen >= 0; chosen-- {
		variant := slices.Clone(in)
		for bit, i := range removals {
			variant[i] = chosen&(1<<bit) != 0
		}
		c.close(variant, pending)
		p.variants = append(p.variants, slices.DeleteFunc(slices.Clone(c.byCall), func(i int) bool { return !variant[i] }))
	}
	return p, true
}

// close adds to in each pending change that an operation in it has seen.
func (c *cutter) close(in []bool, pending []int) {
	if len(pending) == 0 {
		return
	}
	highest := map[Tag]uint64{} // version met of each incarnation
	read := map[Tag]bool{}
	meet := func(op *Op) {
		if !op.TookPlace() {
			return
		}
		incarnation := op.MetIncarnation()
		highest[incarnation] = max(highest[incarnation], op.Version)
		for _, t := range op.saw() {
			read[t] = true
		}
	}
	for i := range c.ops {
		if in[i] {
			meet(&c.ops[i])
		}
	}
	for grown := true; grown; {
		grown = false
		for _, i := range pending {
			op := &c.ops[i]
			top, met := highest[op.MetIncarnation()]
			_, versions := op.writes()
			seen := met && op.Version < top+max(versions, 1) || read[op.Tag] && op.Tag != 0 || op.Kind == Nested && read[op.Tag+1]
			if seen && !in[i] {
				in[i], grown = true, true
				meet(op)
			}
		}
	}
}

// droppable reports whether the history stays a correct recording without operation i. A write that did not take effect
// and was seen all the same stays.
func (c *cutter) droppable(i int) bool {
	op := &c.ops[i]
	if op.MayChange() {
		return false
	}
	if op.Tag == 0 {
		return true
	}
	return !c.seen[op.Tag] && (op.Kind != Nested || !c.seen[op.Tag+1])
}

// fails reports whether every variant of p without the operations in dropped is violated. After the end of ctx nothing fails.
func (c *cutter) fails(p prefix, dropped map[int]bool) bool {
	for _, variant := range p.variants {
		if c.ctx.Err() != nil {
			return false
		}
		if cut, _ := c.build(variant, p.end, dropped); !c.violated(cut) {
			return false
		}
	}
	return true
}

// build makes a history of ops[i] for each i in list that is not dropped.
func (c *cutter) build(list []int, end int64, dropped map[int]bool) (cut *History, origin []int) {
	cut = &History{ID: c.h.ID, Claimed: c.h.Claimed, Ops: make([]Op, 0, len(list))}
	for _, i := range list {
		if dropped[i] {
			continue
		}
		op := c.ops[i]
		if op.Return > end && !c.versioned {
			op = Op{Call: op.Call, Return: Never, User: op.User, Kind: op.Kind, Outcome: Indeterminate, Tag: op.Tag}
		}
		cut.Ops = append(cut.Ops, op)
		origin = append(origin, i)
	}
	return cut, origin
}

// ddmin returns a part of items for which fails is true, and no chunk of which can be left out. fails(items) is true.
func ddmin(items []int, fails func([]int) bool) []int {
	if len(items) == 0 || fails(nil) {
		return nil
	}
	for parts := 2; len(items) > 1; {
		size := (len(items) + parts - 1) / parts
		next := smallerThan(items, size, fails)
		switch {
		case next != nil && len(next) == size:
			items, parts = next, 2
		case next != nil:
			items, parts = next, max(parts-1, 2)
		case size == 1:
			return items
		default:
			parts = min(2*parts, len(items))
		}
	}
	return items
}

// smallerThan tries each chunk of a size alone, then items without each of them. nil: none of these fails.
func smallerThan(items []int, size int, fails func([]int) bool) []int {
	for chunk := range slices.Chunk(items, size) {
		if fails(chunk) {
			return chunk
		}
	}
	for from := 0; from < len(items); from += size {
		rest := slices.Concat(items[:from], items[min(from+size, len(items)):])
		if fails(rest) {
			return rest
		}
	}
	return nil
}

// without returns the set of the items in all that are not in kept.
func without(all, kept []int) map[int]bool {
	m := make(map[int]bool, len(all))
	for _, i := range all {
		m[i] = true
	}
	for _, i := range kept {
		delete(m, i)
	}
	return m
}

func identity(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
