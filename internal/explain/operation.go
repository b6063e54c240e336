package explain

// Operation is one operation of a user and the moments that it passed, in nanoseconds on the run's clock. A moment that it did not pass,
// or that nothing noted, is 0.
type Operation struct {
	Op       uint8  // its kind
	Calls    uint8  // of the store: a read that records a use makes two
	Slot     uint32 // of its session
	Shard    int32  // of the store, to which the session belongs; -1: the store has none
	Called   int64
	Returned int64
	Held     int64 // duration of the work under the lock that a target reports; 0: not reported
	Call     [MostCalls]Call
}

// MostCalls is the most calls of the store in an operation that can be noted.
const MostCalls = 2

// Call is a call of the store and the moments that it passed, in the order of the fields.
type Call struct {
	Asked    int64 // for the lock, for the first time
	Granted  int64 // the lock, for the last time
	Entered  int64 // the closure, for the first time
	Repeated int64 // entered the closure for the last time, if it ran more than once
	Left     int64 // the closure, for the last time
}

// moments is the number of readings of the clock after Called.
func (o *Operation) moments() (n int64) {
	n = 1
	for i := range o.Calls {
		c := &o.Call[i]
		for _, t := range [...]int64{c.Asked, c.Granted, c.Entered, c.Repeated, c.Left} {
			if t != 0 {
				n++
			}
		}
	}
	return n
}
