package adapter

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Lists stores the messages of sessions and nothing else, like message lists in Redis. Its methods may be called
// concurrently, and return the errors of [manager.SessionStore].
type Lists interface {
	// GetOrCreate creates the session if it does not exist.
	GetOrCreate(ctx context.Context, id manager.ID) (created bool, incarnation uint64, err error)

	// CreateSession creates a session under a new id.
	CreateSession(ctx context.Context) (manager.ID, error)

	// AddMessage returns the message's number in its session, from 1.
	AddMessage(ctx context.Context, id manager.ID, role, content string) (seq, incarnation uint64, err error)

	// History appends the newest messages to dst, oldest first. It may record a use.
	History(ctx context.Context, id manager.ID, dst []manager.Message) (messages []manager.Message, incarnation uint64, err error)

	// Validate returns [manager.ErrNotFound] if the session does not exist. It records a use if History does.
	Validate(ctx context.Context, id manager.ID) error

	// Touch records a use. The session's version is the number of its messages and touches.
	Touch(ctx context.Context, id manager.ID) (version, incarnation uint64, err error)

	// Version returns the version without recording a use.
	Version(ctx context.Context, id manager.ID) (version, incarnation uint64, err error)

	// ExpireIdle removes the sessions that were not used for ttl (all if ttl <= 0), calls removed for each unless it
	// is nil, and returns their number, also together with an error.
	ExpireIdle(ctx context.Context, ttl time.Duration, removed func(manager.ID, manager.Session)) (int, error)

	// DeleteSession returns how many messages the session ever had.
	DeleteSession(ctx context.Context, id manager.ID) (seq, incarnation uint64, err error)

	// Reset removes every session. It is not called concurrently with other methods.
	Reset(ctx context.Context) error

	Len(ctx context.Context) (int, error)
	Close() error
}

// OfLists returns message lists as a target. Lists have no lock that a caller could hold, so the work of a request
// is done before the message or the touch is added. There are no fields: a Read returns the version.
func OfLists(l Lists) scenarios.Target { return &lists{Lists: l, spinner: manager.CalibrateSpinner()} }

// lists is the target, which all users share.
type lists struct {
	Lists
	spinner manager.Spinner
}

// listsConn is the connection of a user. It has no state.
type listsConn struct{ *lists }

var (
	_ scenarios.Target = (*lists)(nil)
	_ scenarios.Conn   = listsConn{}
)

// Supports implements [scenarios.Target].
func (l *lists) Supports(op scenarios.Op) bool {
	_, has := listsOps[op]
	return has
}

// listsOps are the operations that lists have, each with the parts of the effect that it reports.
var listsOps = map[scenarios.Op]scenarios.Reported{
	scenarios.Create:      0,
	scenarios.GetOrCreate: scenarios.ReportsIncarnation,
	scenarios.Append:      scenarios.ReportsIncarnation | scenarios.ReportsSeq | scenarios.ReportsHeld,
	scenarios.History:     scenarios.ReportsIncarnation,
	scenarios.Validate:    0,
	scenarios.Touch:       scenarios.ReportsIncarnation | scenarios.ReportsVersion | scenarios.ReportsHeld,
	scenarios.Read:        scenarios.ReportsIncarnation | scenarios.ReportsVersion,
	scenarios.Sweep:       0,
	scenarios.Delete:      scenarios.ReportsIncarnation | scenarios.ReportsSeq,
}

// Connect implements [scenarios.Target].
func (l *lists) Connect(context.Context) (scenarios.Conn, error) { return listsConn{l}, nil }

// Census implements [scenarios.Target].
func (l *lists) Census(ctx context.Context) (manager.Census, error) {
	n, err := l.Len(ctx)
	return manager.Census{Sessions: n}, err
}

// Close implements [scenarios.Conn].
func (listsConn) Close() error { return nil }

// Do implements [scenarios.Conn].
func (c listsConn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) (err error) {
	a.Clear()
	switch q.Op {
	case scenarios.Create:
		a.Created = true
		a.ID, err = c.CreateSession(ctx)
	case scenarios.GetOrCreate:
		a.Created, a.Incarnation, err = c.GetOrCreate(ctx, q.ID)
	case scenarios.Append:
		if a.Held, err = c.work(ctx, q.Hold, q.Spin); err == nil {
			a.Seq, a.Incarnation, err = c.AddMessage(ctx, q.ID, q.Role, q.Content)
		}
	case scenarios.History:
		a.Messages, a.Incarnation, err = c.History(ctx, q.ID, a.Messages)
	case scenarios.Validate:
		err = c.Validate(ctx, q.ID)
	case scenarios.Touch:
		if a.Held, err = c.work(ctx, q.Hold, q.Spin); err == nil {
			a.Version, a.Incarnation, err = c.Touch(ctx, q.ID)
		}
	case scenarios.Read:
		a.Version, a.Incarnation, err = c.Version(ctx, q.ID)
	case scenarios.Sweep:
		a.Removed, err = c.ExpireIdle(ctx, q.Idle, nil)
	case scenarios.Delete:
		a.Seq, a.Incarnation, err = c.DeleteSession(ctx, q.ID)
	default:
		return scenarios.ErrUnsupported
	}
	if err != nil {
		a.Clear()
		return err
	}
	a.Reported = listsOps[q.Op]
	return nil
}

// work does the work of an update and returns how long it took.
func (l *lists) work(ctx context.Context, d time.Duration, spin bool) (time.Duration, error) {
	if d <= 0 {
		return 0, nil
	}
	start := time.Now()
	switch {
	case spin:
		l.spinner.For(d)()
	case ctx.Done() == nil:
		time.Sleep(d)
	default:
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return 0, manager.NotApplied(context.Cause(ctx))
		}
	}
	return time.Since(start), nil
}
