package manager

// Guarantees is what a store declares beyond the contract of [SessionStore]. storetest and verify check what is declared.
type Guarantees struct {
	Blocks           Blocks     // which operations wait while one operation holds a session
	ExclusiveUpdates bool       // Update's fn runs exactly once, and no other operation uses the session meanwhile
	Reentrant        bool       // fn may use the store for the session it holds, with the ctx it was given
	Cancellable      WaitCancel // when a wait for a session ends because ctx is done
	Rollback         bool       // an error or a panic from Update's fn leaves the session unchanged
	Fair             bool       // no operation starves: waiters for one session get it roughly in order of arrival
}

// Blocks is the set of operations that wait while one operation holds a session.
type Blocks string

// The values of Blocks, largest set first.
const (
	BlocksAllSessions Blocks = "all sessions"
	BlocksShard       Blocks = "same shard"
	BlocksActor       Blocks = "same actor"
	BlocksSession     Blocks = "same session"
	BlocksWriters     Blocks = "writers" // reads proceed
)

// WaitCancel is when a wait for a session ends because the caller's ctx is done. Once fn has started the caller waits for it.
type WaitCancel string

// The values of WaitCancel. The zero value is CancelNever.
const (
	CancelNever   WaitCancel = ""              // never: the wait is that of a mutex
	CancelQueued  WaitCancel = "while queued"  // a request that was not started is withdrawn
	CancelBetween WaitCancel = "between tries" // there is no wait; ctx is checked before each retry
	CancelAlways  WaitCancel = "yes"           // the wait for the lock ends with ctx
)

// IndependentSessions reports whether a held session delays only operations on that same session.
func (g Guarantees) IndependentSessions() bool {
	return g.Blocks == BlocksSession || g.Blocks == BlocksWriters
}
