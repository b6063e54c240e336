package trace

import (
	"container/heap"

	"github.com/sessbench/sessbench/scenarios"
)

// Visits reads the visits of a tape in the order of their arrival, all of them or those of a part of the sessions. Visits that arrived at the
// same time are in the order of the tape's users, and those of one session always in the log's order. It holds what the cursors
// of all users hold. It is for one goroutine.
type Visits struct {
	part, of uint32
	users    byArrival // that have further operations
	err      error
}

// upcoming is the next operation of a user, which starts a visit.
type upcoming struct {
	cursor *Cursor
	user   int
	at     int64
	op     scenarios.TapeOp
}

// Visits returns the visits on every of-th session, from part on; of all sessions with 0 and 1.
func (t *Tape) Visits(part, of int) *Visits {
	v := &Visits{part: uint32(part), of: uint32(of)}
	for i := range t.Users() {
		next := upcoming{cursor: t.User(i), user: i}
		if v.read(&next) {
			v.users = append(v.users, next)
		}
	}
	heap.Init(&v.users)
	return v
}

// Next appends the operations of the next visit to ops, and returns them with the visit's arrival in nanoseconds since the log's first row.
// ok is false at the end and after an error, see Err.
func (v *Visits) Next(ops []scenarios.TapeOp) (at int64, _ []scenarios.TapeOp, ok bool) {
	for len(v.users) > 0 && v.err == nil {
		next := &v.users[0]
		at, ok = next.at, next.op.Slot()%v.of == v.part
		more := true
		for first := true; more && (first || !next.op.Start()); first = false {
			if ok {
				ops = append(ops, next.op)
			}
			more = v.read(next)
		}
		if more {
			heap.Fix(&v.users, 0)
		} else {
			heap.Pop(&v.users)
		}
		if ok {
			return at, ops, v.err == nil
		}
	}
	return 0, ops, false
}

// read reads the next operation of a user, and reports whether there is one.
func (v *Visits) read(of *upcoming) (ok bool) {
	if of.at, of.op, ok = of.cursor.Next(); !ok && v.err == nil {
		v.err = of.cursor.Err()
	}
	return ok
}

// Err returns the error that ended reading early, or nil.
func (v *Visits) Err() error { return v.err }

// byArrival is a heap of users, the one with the earliest visit first.
type byArrival []upcoming

func (h byArrival) Len() int { return len(h) }
func (h byArrival) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].user < h[j].user
}
func (h byArrival) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *byArrival) Push(x any)   { *h = append(*h, x.(upcoming)) }

// Pop returns nothing: the users that have no further operations are not needed.
func (h *byArrival) Pop() any {
	*h = (*h)[:len(*h)-1]
	return nil
}
