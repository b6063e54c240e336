package history

import (
	"cmp"
	"fmt"
	"slices"
)

// maxSuspects is the number of reads shown as possible causes.
const maxSuspects = 3

// suspect looks in the full history for operations that may have caused the violation, and adds them to the shortened one, which ends
// where the violation is proved. The history with them must be a violation, too.
func (v *Violation) suspect(full *History) {
	ops := v.History.Ops
	defer func() {
		if _, again := examine(v.History); again == nil || again.Undecided {
			v.History.Ops, v.Suspects = ops, nil
		}
	}()
	v.suspectReads(full)
	v.suspectPair(full)
	if removal, met := v.storedAgain(full.Ops); removal != nil {
		v.add(removal)
		v.add(met)
	}
}

// suspectReads adds reads that may have written back what they had read. A change x is missing from the state that a later operation
// met, and the read met exactly the state before x and had not returned when x was called.
func (v *Violation) suspectReads(full *History) {
	x, y := v.lost()
	if x == nil || v.togetherInside(x, y) || !x.placed() {
		return
	}
	_, versions := x.writes()
	_, made := y.writes()
	if y.Version+versions != x.Version+made { // y did not begin from the state before x
		return
	}
	var reads []*Op
	for i := range full.Ops {
		r := &full.Ops[i]
		if !r.Kind.Reads() && (r.Kind != GetOrCreate || r.Created) || r.Outcome != OK || r.Parts&PartVersion == 0 ||
			r.MetIncarnation() != x.MetIncarnation() || r.Version+versions != x.Version ||
			r.Return < x.Call || x.Return < r.Call || y.Return < r.Call {
			continue
		}
		reads = append(reads, r)
	}
	if len(reads) > maxSuspects { // keep the last ones to return
		slices.SortFunc(reads, func(a, b *Op) int { return cmp.Compare(b.Return, a.Return) })
		reads = reads[:maxSuspects]
	}
	for _, r := range reads {
		v.add(r)
	}
}

// suspectPair adds two operations that must have used one incarnation of the session at the same time: two changes to one version where
// another version is missing, or a change and the creation or look-up that saw the half of it. If there are several, one of those pairs is
// added of which one operation outlived a deletion; other pairs are added only where a version is missing.
func (v *Violation) suspectPair(full *History) {
	missing := v.Anomaly == WrongAnswer || v.Anomaly == AbortedRead
	ops := v.conflicting(func(op *Op) bool { return op.placed() && (missing || op.Kind == GetOrCreate) })
	if len(ops) == 0 || !missing && v.Anomaly != FracturedRead {
		return
	}
	var changes, chosen []*Op
	for i := range full.Ops {
		if op := &full.Ops[i]; op.Kind.Writes() && op.TookPlace() && op.placed() && op.Incarnation == ops[0].MetIncarnation() {
			changes = append(changes, op)
		}
	}
	if missing {
		ops = changes
	}
	for _, op := range ops {
		for _, change := range changes {
			x, y := pair([]*Op{op, change})
			if x == nil || x.Precedes(y) || missing && x.Version != y.Version {
				continue
			}
			if end, _ := revived(full.Ops, x); end != nil || chosen == nil && missing {
				chosen = []*Op{x, y}
			}
		}
	}
	if chosen == nil {
		return
	}
	if missing {
		v.Why += fmt.Sprintf("; %s and %s both wrote version %d", chosen[0], chosen[1], chosen[0].Version)
	}
	for _, op := range chosen {
		v.add(op)
	}
}

// add adds an operation of the full history to the shortened one, if necessary, and makes it a suspect.
func (v *Violation) add(op *Op) {
	at := slices.IndexFunc(v.History.Ops, func(o Op) bool {
		return o.Kind == op.Kind && o.User == op.User && o.Call == op.Call && o.Return == op.Return
	})
	if at < 0 {
		at = len(v.History.Ops)
		v.History.Ops = append(v.History.Ops, *op)
	}
	if !slices.Contains(v.Suspects, at) {
		v.Suspects = append(v.Suspects, at)
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
	removal, met := v.storedAgain(v.History.Ops)
	if removal != nil {
		add("an update that stores a deleted session again: %s met incarnation %s after %s had removed it", met, met.MetIncarnation(), removal)
	}
	if lost, _ := v.lost(); lost != nil {
		for _, i := range v.Suspects {
			if r := v.Op(i); !r.MayChange() && r != met {
				add("a read that writes back what it has read: %s read version %d, which the lost change replaced, "+
					"and returned after that change was called", r, r.Version)
			}
		}
	}
	x, y := v.rivals()
	switch v.Anomaly {
	case LostUpdate:
		if x == nil || !x.Kind.Writes() || !y.Kind.Writes() || v.togetherInside(x, y) {
			break
		}
		if _, create := v.orphaned(); create != nil {
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
