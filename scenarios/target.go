package scenarios

import (
	"context"
	"errors"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Target is what users drive by messages and not by closures: a program in another language, message lists in Redis. It
// is there for a whole run, and emptied before each trial. Every method may be called from any number of goroutines.
type Target interface {
	// Has reports whether it knows an operation.
	Has(op Op) bool

	// Connect opens a user's own way to it.
	Connect(ctx context.Context) (Conn, error)

	// Reset removes every session, when nobody is using it.
	Reset(ctx context.Context) error

	// Census counts what it holds, when nobody is using it. [ErrUnsupported]: it does not count.
	Census(ctx context.Context) (manager.Census, error)

	// Close ends it, or lets go of it where somebody else started it. It is idempotent.
	Close() error
}

// Conn is one user's way to a target, for one request at a time.
//
// Errors are those of [manager.SessionStore], and ErrUnsupported; what the connection or the target does wrong in its
// stead wraps [manager.ErrIndeterminate] where the request may have taken effect. After [ErrGone] no request will be
// answered any more.
type Conn interface {
	// Do makes a request and fills in what it was told; what was in the answer before is overwritten, its slices and maps
	// reused.
	Do(ctx context.Context, q *Request, a *Answer) error

	Close() error
}

// Metered is implemented by a target that knows what its processes have spent.
type Metered interface {
	Usage() (TargetUsage, error)
}

// TargetUsage is what a target's processes have spent so far.
type TargetUsage struct {
	CPU    time.Duration // user and system
	Memory int64         // resident now, in bytes
}

// ErrGone says that a target is not there any more: it crashed, hangs, or closed the connection.
var ErrGone = errors.New("target gone")

// ErrUnsupported says that a target does not know the operation. Not applied.
var ErrUnsupported = errors.New("operation not supported")

// Request is one operation on a target.
type Request struct {
	Op   Op
	View View       // of Create: ChatView or BoardView, the kind of session
	ID   manager.ID // of every operation but Create and Sweep

	Role, Content string            // of Append
	Fields        map[string]string // of Update

	Hold time.Duration // work under the lock of Append and Update
	Spin bool          // it keeps a processor busy
	Idle time.Duration // of Sweep: what was not used for so long goes
}

// Answer is what a target told about an operation.
type Answer struct {
	Told     Told
	ID       manager.ID        // of Create
	Created  bool              // of GetOrCreate and Create: it began the session's life
	Life     uint64            // incarnation of the session
	Seq      uint64            // messages ever added: after an Append, else as it was; of Delete: at the end
	Version  uint64            // changes ever made: after a change, else as it was; of Delete: at the end
	Messages []manager.Message // of History: the newest, oldest first; Seq is 0 where the target does not number them
	Fields   map[string]string // of Read
	Removed  int               // of Sweep
	Held     time.Duration     // measured work under the lock
}

// Told says which of the optional parts of an answer there are.
type Told uint8

// The optional parts of an answer.
const (
	ToldLife Told = 1 << iota
	ToldSeq
	ToldVersion
	ToldHeld
)

// Clear empties an answer and keeps its room.
func (a *Answer) Clear() {
	messages, fields := a.Messages[:0], a.Fields
	clear(fields)
	*a = Answer{Messages: messages, Fields: fields}
}
