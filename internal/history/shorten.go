package history

import (
	"cmp"
	"context"
	"slices"
)

// maxPending is how many removals without an answer a prefix may hold, since each of them doubles the cases to decide.
const maxPending = 7

// shorten looks for the shortest history inside a violating one that still proves the violation: its shortest failing
// prefix, without the reads that prove nothing. Writes of that prefix (creations, changes, removals) are never dropped.
// origin is where each operation of short stands in h. Operations of short come in the order of their calls.
//
// decide must be sure of a violation when it says so. short violates whenever h does; where h does not, or ctx ends before
// anything shorter is found, short is h itself.
//
// Linearizability is prefix-closed (Herlihy and Wing, 1990), so the shortest failing prefix is found by bisection over the
// number of operations that have returned. What was called and has not returned by then may or may not have taken effect:
// a prefix fails only if it does so either way. See [cutter.prefix]. Reads are dropped by delta debugging, halves
// first (ddmin: Zeller and Hildebrandt, 2002).
func shorten(ctx context.Context, h *History, decide func(*History) (violated bool)) (short *History, origin []int) {
	c := newCutter(ctx, h, decide)
	best := prefix{variants: [][]int{c.byCall}, end: Never}
	if !c.fails(best, nil) {
		return h, identity(len(h.Ops))
	}
	low, high := 1, len(c.byReturn)+1 // returns that the shortest failing prefix has; one more than there are: best stays
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

// prefix is what users had done by the time that the last operation counted returned.
type prefix struct {
	end int64 // that time

	// The operations that have taken effect, as indices in the order of their calls: one variant for each thing that may be
	// true of those that had not returned, the one with most of them first.
	variants [][]int
}

// cutter cuts a history.
type cutter struct {
	ctx       context.Context
	h         *History
	ops       []Op         // of h
	versioned bool         // every answer shows its place in its life
	byCall    []int        // all operations
	byReturn  []int        // those that returned
	seen      map[Tag]bool // read, or met as a life, by anybody
	decide    func(*History) bool
}

func newCutter(ctx context.Context, h *History, decide func(*History) bool) *cutter {
	c := &cutter{ctx: ctx, h: h, ops: h.Ops, versioned: !h.Claimed, seen: map[Tag]bool{}, decide: decide}
	c.byCall = identity(len(c.ops))
	slices.SortStableFunc(c.byCall, func(i, j int) int { return cmp.Compare(c.ops[i].Call, c.ops[j].Call) })
	for i := range c.ops {
		op := &c.ops[i]
		if op.Return != Never {
			c.byReturn = append(c.byReturn, i)
		}
		if !op.Created && op.TookPlace() && op.Parts&(PartIncarnation|PartVersion) != PartIncarnation|PartVersion {
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

// tookPlace reports whether the operation met a session and knows it.
func (a *Op) TookPlace() bool {
	return a.Outcome == OK || a.Outcome == Failed || a.Outcome == RolledBack
}

// changes reports whether the operation changed something, or may have.
func (a *Op) MayChange() bool {
	switch a.Outcome {
	case NotFound, NotApplied, RolledBack:
		return false
	case Indeterminate:
		return !a.Kind.Reads()
	}
	return a.Created || a.Kind.Writes() || a.Kind.Removes()
}

// prefix is the history's prefix up to the k-th return. It is not sound when too little is known of what had not returned.
//
// Operations that had not returned and change nothing are left out. A change whose version was seen by then had taken
// effect, and is kept with the answer that it got later. A later version had not been seen by anybody, and nothing in
// the prefix can depend on it. This leaves the removals that no version tells the time of: the prefix has a
// variant with and without each of them, and with what they in turn have seen. If a linearization of the whole
// history existed, one of the variants would be linearizable, too.
//
// Where there are no versions to go by, what had not returned may have been applied at any time after its call, or never.
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
	highest := map[Tag]uint64{} // version of each life that was met
	read := map[Tag]bool{}
	meet := func(op *Op) {
		if !op.TookPlace() {
			return
		}
		life, version := op.MetIncarnation(), op.Version
		highest[life] = max(highest[life], version)
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
			life, version := op.MetIncarnation(), op.Version
			top, met := highest[life]
			_, versions := op.writes()
			seen := met && (version < top+max(versions, 1)) || read[op.Tag] && op.Tag != 0 || op.Kind == Nested && read[op.Tag+1]
			if seen && !in[i] {
				in[i], grown = true, true
				meet(op)
			}
		}
	}
}

// droppable reports whether the history without operation i says less, but nothing else. What came to nothing, and was seen
// by somebody all the same, stays.
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
		if cut, _ := c.build(variant, p.end, dropped); !c.decide(cut) {
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

// ddmin returns a part of items with which fails still says yes, no chunk of which could be left out at the last. fails(items) is true.
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

// without is the set of those in all that are not in kept.
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
