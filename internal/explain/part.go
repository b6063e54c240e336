package explain

// Part is a part of an operation's time.
type Part uint8

// The parts. Those up to After are the phases of an operation, without the time that the goroutine waited for a processor or that the
// garbage collector took.
const (
	Index    Part = iota // finding the session, taking a free lock, and whatever else the store does before the closure
	LockWait             // from the request for the lock until it is granted. The holder may have lost its processor meanwhile
	Before               // from the call to the closure, in a store that does not report its locks
	Closure              // the closure of the operation: the work under the lock
	Repeats              // runs of the closure whose changes were dropped, and what lies between them
	After                // from the end of the closure to the return; of an operation without a closure, all after the lock was granted
	Client               // of a target: this process's own work for a request and its answer
	Answer               // of a target: waiting for the answer, without the work under the lock that the target reports
	CPU                  // waiting for a processor: the goroutine could run
	GC                   // garbage collection: assists, stop-the-world pauses, and waiting for a processor that the collector has
	NumParts

	// Unexplained is time in which the trace has no state of the goroutine.
	Unexplained = NumParts
)

var partNames = [NumParts + 1]string{
	"index", "lock wait", "before the closure", "critical section", "repeats", "after the closure", "client", "waiting for the target",
	"waiting for a CPU", "garbage collection", "unexplained",
}

// String returns the part's name, as in documents and tables.
func (p Part) String() string { return partNames[p] }

// Parts returns all parts in order, with [Unexplained] last.
func Parts() (list []Part) {
	for p := range NumParts + 1 {
		list = append(list, p)
	}
	return list
}
