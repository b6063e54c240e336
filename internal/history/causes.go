package history

import (
	"cmp"
	"fmt"
	"slices"
)

// maxSuspects is the number of reads shown as possible causes.
const maxSuspects = 3

// suspect looks in the full history for reads that may have written back what they had read, and adds them to the
// shortened one, which needs no reads otherwise. A change x is missing from the state that a later operation met, and
// the read met exactly the state before x and had not returned when x was called.
//
// The shortened history stays a violation: reads change nothing, so an order that explains it with them explains it
// without them.
func (v *Violation) suspect(full *History) {
	x, y := v.lost()
	if x == nil || v.togetherInside(x, y) || !x.placed() {
		return
	}
	_, versions := x.writes()
	_, made := y.writes()
	if y.Version+versions != x.Version+made { // y did not begin from the state before x
		return
	}
	for i := range full.Ops {
		r := &full.Ops[i]
		if !r.Kind.Reads() && (r.Kind != GetOrCreate || r.Created) || r.Outcome != OK || r.Parts&PartVersion == 0 ||
			r.MetIncarnation() != x.MetIncarnation() || r.Version+versions != x.Version ||
			r.Return < x.Call || x.Return < r.Call || y.Return < r.Call {
			continue
		}
		at := slices.IndexFunc(v.History.Ops, func(op Op) bool {
			return op.Kind == r.Kind && op.User == r.User && op.Call == r.Call && op.Return == r.Return
		})
		if at < 0 {
			at = len(v.History.Ops)
			v.History.Ops = append(v.History.Ops, *r)
		}
		v.Suspects = append(v.Suspects, at)
	}
	if len(v.Suspects) > maxSuspects { // keep the last ones to return
		slices.SortFunc(v.Suspects, func(i, j int) int {
			return cmp.Compare(v.History.Ops[j].Return, v.History.Ops[i].Return)
		})
		v.Suspects = v.Suspects[:maxSuspects]
	}
}

// lost returns the change that is missing from a state, and the operation that met that state; nil if the violation
// is of another kind.
func (v *Violation) lost() (x, y *Op) {
	ops := v.conflicting((*Op).TookPlace)
	if v.Anomaly != LostUpdate && v.Anomaly != StaleRead || len(v.Conflict) != 2 || len(ops) != 2 {
		return nil, nil
	}
	a, b := ops[0], ops[1]
	if b.Kind.Writes() && (!a.Kind.Writes() || b.Return < a.Return) {
		a, b = b, a
	}
	if !a.Kind.Writes() {
		return nil, nil
	}
	return a, b
}

// causes lists common causes of such a violation that fit this history, in sentences. The history proves none of them.
func causes(v *Violation) (list []string) {
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, i := range v.Suspects {
		r := v.Op(i)
		add("a read that writes back what it has read: %s read version %d, which the lost change replaced, "+
			"and returned after that change was called", r, r.Version)
	}
	x, y := v.rivals()
	switch v.Anomaly {
	case LostUpdate:
		if x == nil || !x.Kind.Writes() || !y.Kind.Writes() || v.togetherInside(x, y) {
			break
		}
		if _, create := revived(v.History.Ops, x); create != nil {
			break // Mechanism explains it
		}
		if x.Precedes(y) || y.Precedes(x) {
			add("a change made on a copy that was never stored, or an older state written over it: %s and %s did not "+
				"overlap, so no lock between them is missing", x, y)
		} else {
			add("no lock, or two locks, for one session: %s and %s overlap, and both may have started from the same state",
				x, y)
			add("a change made on a copy that was never stored, or an older state written over it")
		}
	case FracturedRead, FutureRead:
		reads := v.conflicting(func(op *Op) bool { return op.Kind.Reads() })
		writes := v.conflicting(func(op *Op) bool { return op.Kind.Writes() })
		if len(reads) == 0 || len(writes) == 0 {
			break
		}
		if r, w := reads[0], writes[0]; !r.Precedes(w) && !w.Precedes(r) {
			add("aliasing: %s returned the stored session itself, without its lock, while %s changed it", r, w)
			add("a session stored in parts: %s read one after the other, with %s in between", r, w)
		}
	case LostSession, DoubleCreation, DoubleDeletion, AdoptedID:
		if d, c := v.removedByKey(); d != nil {
			add("removal by key alone: %s deleted one incarnation, but removed whatever was stored under the id, "+
				"which %s had created meanwhile", d, c)
		}
	case ForeignRead:
		add("a pooled entry: memory of one session was given to another while it was still in use, or was not cleared")
		add("a wrong index: two ids lead to one entry")
	case LeftoverData:
		add("a pooled entry that was not cleared before it was used again")
		add("data kept under the session's id outside its entry, such as in a cache, and not deleted with it")
	case GarbageRead:
		add("aliasing or a pooled entry: memory that was changed or used again while it was read")
	}
	return list
}

// removedByKey finds the removal d of one incarnation that was under way when or after c created another, which no
// operation removed.
func (v *Violation) removedByKey() (d, c *Op) {
	ops := v.History.Ops
	ends := func(o *Op, incarnation Tag) bool {
		return o.Kind.Removes() && o.Outcome == OK && o.Parts&PartIncarnation != 0 && o.MetIncarnation() == incarnation
	}
	for i := range ops {
		create := &ops[i]
		removed := func(o Op) bool { return ends(&o, create.MetIncarnation()) }
		if !create.Created || slices.ContainsFunc(ops, removed) {
			continue
		}
		for k := range ops {
			o := &ops[k]
			if ends(o, o.MetIncarnation()) && !o.Precedes(create) && (d == nil || d.Call < o.Call) {
				d, c = o, create
			}
		}
	}
	return d, c
}
