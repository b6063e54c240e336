package explain

// Part is a part of an operation's time.
type Part uint8

// The parts. Those up to After are the phases of an operation, without the time that the goroutine waited for a processor or that the
// garbage collector took. See [Part.Doc].
const (
	Index Part = iota
	LockWait
	Before
	Closure
	Repeats
	After
	Client
	Answer
	CPU
	GC
	NumParts

	// Unexplained is time in which the trace has no state of the goroutine.
	Unexplained = NumParts
)

var parts = [NumParts + 1]struct{ name, doc string }{
	Index:       {"index", "finding the session, taking a free lock, and what else the store does before its closure runs"},
	LockWait:    {"lock wait", "from the request for the lock until it is granted; its holder may have lost its CPU meanwhile"},
	Before:      {"before the closure", "from the call to the closure, in a store that does not report its locks: its waits are not measured separately"},
	Closure:     {"critical section", "the closure of the operation: the work under the lock"},
	Repeats:     {"repeats", "runs of the closure whose changes were dropped because another update came first"},
	After:       {"after the closure", "from the end of the closure to the return; of an operation without a closure, from the grant of the lock"},
	Client:      {"client", "this process's own work for a request and its answer"},
	Answer:      {"waiting for the target", "waiting for the answer of a target, without the work under the lock that it reports"},
	CPU:         {"waiting for a CPU", "the goroutine could run, but no processor was free"},
	GC:          {"garbage collection", "assisting the garbage collector, stopped by it, or waiting for a processor that it has"},
	Unexplained: {"unexplained", "no state of the goroutine is recorded"},
}

// String returns the part's name, as in documents and tables.
func (p Part) String() string { return parts[p].name }

// Doc returns what the part is, for a legend.
func (p Part) Doc() string { return parts[p].doc }

// Parts returns all parts in order, with [Unexplained] last.
func Parts() (list []Part) {
	for p := range NumParts + 1 {
		list = append(list, p)
	}
	return list
}
