// Package explain finds where the time of operations goes. It lays two records of the same run over each other: the moments that an
// operation passes, as its user noted them (the call, the wait for the lock, the closure, the return), and the states of the
// user's goroutine in an execution trace ([runtime/trace]): running, waiting for a processor, blocked, collecting garbage.
//
// Each part of an operation is measured; none is what the others leave. Time that the trace does not cover is [Unexplained].
package explain
