package explain

// Operation is one operation of a user and the moments that it passed, in nanoseconds on the run's clock. A moment that it did not pass,
// or that nothing noted, is 0.
type Operation struct {
	Op       uint8  // its kind
	Slot     uint32 // of its session
	Attempts int32  // runs of the closure: more than one only where updates are repeated
	Shard    int32  // of the store, to which the session belongs; -1: the store has none

	Called   int64
	Asked    int64 // for the lock
	Granted  int64 // the lock
	Entered  int64 // the closure, for the first time
	Repeated int64 // entered the closure for the last time, if it ran more than once
	Left     int64 // the closure, for the last time
	Returned int64

	Held int64 // duration of the work under the lock that a target reports; 0: not reported
}

// moments is the number of readings of the clock between Called and Returned, that of Returned included.
func (o *Operation) moments() (n int64) {
	for _, t := range [...]int64{o.Asked, o.Granted, o.Entered, o.Repeated, o.Left, o.Returned} {
		if t != 0 {
			n++
		}
	}
	return n
}
