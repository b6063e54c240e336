package conformance

import "slices"

// check is one thing to find out about an adapter.
type check struct {
	name    string
	section string       // of docs/adapter-protocol.md
	run     func(*probe) // on a goroutine of its own
	needs   []string     // operations without which it is skipped
	vital   bool         // without it nothing else can be checked
	ours    bool         // it is about a program that was started here
}

// catalogue is all checks, in the order of the specification.
func catalogue() []check {
	return slices.Concat(
		startChecks(),
		lineChecks(),
		lifeChecks(),
		messageChecks(),
		fieldChecks(),
		counterChecks(),
		removalChecks(),
		workChecks(),
		textChecks(),
		illTypedChecks(),
		endChecks(),
	)
}
