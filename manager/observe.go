package manager

import "context"

// lockObserver is the context of an operation whose wait for a lock is observed.
type lockObserver struct {
	context.Context
	asked, granted func()
}

// ObserveLock returns a context with which a store reports when an operation asks for the lock that protects its session, and when it is
// granted. The time between the two is the wait for the lock. A store that supports it calls [LockAsked] and [LockGranted]; other
// stores call neither function. An operation that has to look its session up again may ask more than once. granted may be called
// on another goroutine than the caller's, which waits for it.
func ObserveLock(ctx context.Context, asked, granted func()) context.Context {
	return &lockObserver{ctx, asked, granted}
}

// LockAsked reports that the operation with this context asks for its lock. Stores call it with the context that they were called
// with. It costs one comparison if nothing observes the operation, and allocates nothing.
func LockAsked(ctx context.Context) {
	if o, ok := ctx.(*lockObserver); ok {
		o.asked()
	}
}

// LockGranted reports that the operation has the lock for which it has asked.
func LockGranted(ctx context.Context) {
	if o, ok := ctx.(*lockObserver); ok {
		o.granted()
	}
}
