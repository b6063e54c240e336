package manager

// Guarantees is what a store promises beyond [SessionStore]'s contract. What is declared is what storetest checks.
type Guarantees struct {
	Blocks      Blocks     // whom a busy session keeps waiting
	Alone       bool       // Update's fn runs exactly once, and nobody else is in that session meanwhile
	Reentrant   bool       // fn may use the store for the session it holds, through the ctx it was given
	Cancellable WaitCancel // how a wait for a busy session ends when ctx does
	Rollback    bool       // an error or a panic from Update's fn leaves the session as it was
	Fair        bool       // callers that wait for one session get it roughly in the order in which they came: none starves
}

// Blocks says whom a busy session keeps waiting.
type Blocks string

// The reaches of a busy session, widest first.
const (
	BlocksEveryone Blocks = "everyone"
	BlocksShard    Blocks = "its shard"
	BlocksActor    Blocks = "its actor"
	BlocksItself   Blocks = "itself"
	BlocksWriters  Blocks = "nobody reading"
)

// WaitCancel says how the wait for a busy session ends when the caller's ctx does. Once fn has started it is waited for.
type WaitCancel string

// The ways a wait can end early. The zero value is CancelNever.
const (
	CancelNever   WaitCancel = ""              // the wait is as long as a mutex makes it
	CancelQueued  WaitCancel = "while queued"  // a request that nobody has begun is withdrawn
	CancelBetween WaitCancel = "between tries" // nobody waits; ctx is looked at before each new try
	CancelAlways  WaitCancel = "yes"           // the wait for the lock ends with ctx
)

// OnlyItself reports whether a busy session keeps nobody waiting but those who want that same session.
func (g Guarantees) OnlyItself() bool { return g.Blocks == BlocksItself || g.Blocks == BlocksWriters }
