package scenarios

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sessbench/sessbench/manager"
)

// Target is what users drive by requests and not by closures: a program in another language, an HTTP service, message lists
// in Redis. It exists for a whole run, and is emptied before each trial. Its methods are safe for concurrent use.
type Target interface {
	// Supports reports whether the target implements an operation.
	Supports(op Op) bool

	// Connect opens a connection for one user.
	Connect(ctx context.Context) (Conn, error)

	// Reset removes every session. No operation may be running.
	Reset(ctx context.Context) error

	// Census counts what the target holds while no operation is running, or returns [ErrUnsupported].
	Census(ctx context.Context) (manager.Census, error)

	// Close stops the target, or only disconnects where sessbench did not start it. It is idempotent.
	Close() error
}

// Conn is one user's way to the sessions, for one request at a time: the connection to a target, or a driver of a store in this process.
//
// Errors are those of [manager.SessionStore] and [ErrUnsupported]. Failures of the connection or the target wrap
// [manager.ErrIndeterminate] where the request may have taken effect. After [ErrUnavailable] every request fails.
type Conn interface {
	// Do sends a request and overwrites e with its effect, reusing e's slices and maps.
	Do(ctx context.Context, q *Request, e *Effect) error

	Close() error
}

// Restarter is implemented by a target that can be killed and started again. Operations that are in progress end with an error that
// wraps [manager.ErrIndeterminate], or [manager.ErrNotApplied] where they were not sent. Restart returns when the target answers again.
type Restarter interface {
	Restart(ctx context.Context) error
}

// IDReuser is implemented by a target that knows whether a session that is created under the id of a deleted one has that id in the
// service as well. Otherwise each creation makes a session of its own there.
type IDReuser interface {
	ReusesIDs() bool
}

// UsageReporter is implemented by a target that can measure the resources its processes use.
type UsageReporter interface {
	Usage() (TargetUsage, error)
}

// TargetUsage is the resources that a target's processes have used since they started.
type TargetUsage struct {
	CPU    time.Duration // user and system time
	Memory int64         // resident set now, in bytes
}

// ErrUnavailable: the target crashed, hangs, or closed the connection.
var ErrUnavailable = errors.New("target unavailable")

// Unanswered returns the error of an operation without a usable answer: it wraps err, and [manager.ErrIndeterminate] where the operation
// changes something, else [manager.ErrNotApplied].
func Unanswered(op Op, err error) error {
	if op.Does(Mints | Ensures | Mutates | Removes | RemovesIdle) {
		return fmt.Errorf("%w: %w", manager.ErrIndeterminate, err)
	}
	return manager.NotApplied(err)
}

// ErrUnsupported: the target does not implement the operation. Not applied.
var ErrUnsupported = errors.New("operation not supported")

// Request is one operation.
type Request struct {
	Op   Op
	Kind DriverKind // of Create: ChatDriver or BoardDriver, the kind of session
	ID   manager.ID // of every operation but Create and Sweep

	Role, Content string            // of Append
	Fields        map[string]string // of Update

	Hold time.Duration // work under the lock of Append and Update
	Spin bool          // the work keeps a processor busy
	Idle time.Duration // of Sweep: sessions not used for this long are removed

	Describe bool // return Effect.Note, also with an error
}

// Effect is what an operation returned.
type Effect struct {
	Reported    Reported
	ID          manager.ID        // of Create
	Created     bool              // of GetOrCreate and Create: this operation created the session
	Made        uint64            // of GetOrCreate by a driver that numbers incarnations: the latest one that it made
	Incarnation uint64            // incarnation of the session
	Seq         uint64            // messages ever added: after an Append, else as it was; of Delete: at the end
	Version     uint64            // changes ever made: after a change, else as it was; of Delete: at the end
	Messages    []manager.Message // of History: the newest, oldest first; Seq is 0 where the target does not number them
	Fields      map[string]string // of Read
	Removed     int               // of Sweep
	Uses        uint64            // recorded uses that changed the session's version
	Held        time.Duration     // measured work under the lock
	FirstEvent  time.Duration     // of a service that answers with server-sent events: from the request to the first one; 0: none
	Note        string            // with Request.Describe, of a service: what was sent and came back, "POST /sessions/7/messages → 200"
	Worker      int               // of a service with several processes: the one that answered, from 1; 0: unknown
}

// Reported is the set of optional parts that an effect has.
type Reported uint8

// The optional parts of an effect.
const (
	ReportsIncarnation Reported = 1 << iota
	ReportsSeq
	ReportsVersion
	ReportsHeld
)

// Clear resets an effect and keeps its slices and maps for reuse.
func (e *Effect) Clear() {
	messages, fields := e.Messages[:0], e.Fields
	clear(fields)
	*e = Effect{Messages: messages, Fields: fields}
}
