package runner

// sessionOrder keeps the visits of each session in the order of their arrival: one starts when the earlier ones have ended. One that
// arrives before is held: its user goes on to other visits, and the user that ends the earlier one starts it. The
// zero sessionOrder, of a load without an order, holds none. It is protected by the mutex of the arrivals.
type sessionOrder struct {
	first      map[uint32]*arrival // by slot, of the visits that a user has claimed and that have not ended
	held       int
	serialised int64 // visits that were held
}

// maxHeld bounds the visits that are held, and so the memory for them. Further arrivals wait for a user.
const maxHeld = 1 << 16

// claimed adds a visit that a user has claimed.
func (o *sessionOrder) claimed(v *arrival) {
	if o.first == nil || len(v.ops) == 0 {
		return
	}
	slot := v.ops[0].Slot()
	if first := o.first[slot]; first == nil {
		o.first[slot], v.last = v, v
	} else {
		first.last.after, first.last = v, v
	}
}

// hold reports whether an earlier visit of v's session has not ended, and holds v then.
func (o *sessionOrder) hold(v *arrival) bool {
	if o.first == nil || o.first[v.ops[0].Slot()] == v {
		return false
	}
	v.held = true
	o.held++
	o.serialised++
	return true
}

// ended removes a visit, and returns the one that was held because of it, or nil. With wait that remains held.
func (o *sessionOrder) ended(v *arrival, wait bool) *arrival {
	if o.first == nil {
		return nil
	}
	next := v.after
	if next == nil {
		delete(o.first, v.ops[0].Slot())
		return nil
	}
	o.first[v.ops[0].Slot()], next.last = next, v.last
	if wait || !next.held {
		return nil
	}
	next.held = false
	o.held--
	return next
}

// all calls do for each visit that is held.
func (o *sessionOrder) all(do func(v *arrival)) {
	for _, v := range o.first {
		for ; v != nil; v = v.after {
			if v.held {
				do(v)
			}
		}
	}
}
