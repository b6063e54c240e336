package adapter

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// Lists are the messages of sessions, and nothing else of them, as message lists in Redis are. Any number of goroutines
// may call its methods. Errors are those of [manager.SessionStore].
type Lists interface {
	// GetOrCreate makes the session unless it is there, and tells which of its lives this is.
	GetOrCreate(ctx context.Context, id manager.ID) (created bool, incarnation uint64, err error)

	// CreateSession makes a session under an id of its own.
	CreateSession(ctx context.Context) (manager.ID, error)

	// AddMessage tells the message's number in its session, from 1.
	AddMessage(ctx context.Context, id manager.ID, role, content string) (seq, incarnation uint64, err error)

	// History appends the newest messages to dst, oldest first. It records a use where the lists were made so.
	History(ctx context.Context, id manager.ID, dst []manager.Message) (messages []manager.Message, incarnation uint64, err error)

	// Validate says whether the session is there. It records a use where History does.
	Validate(ctx context.Context, id manager.ID) error

	// Touch records a use, and tells the session's version: how many messages and touches it has had.
	Touch(ctx context.Context, id manager.ID) (version, incarnation uint64, err error)

	// Version tells it without a touch.
	Version(ctx context.Context, id manager.ID) (version, incarnation uint64, err error)

	// ExpireIdle removes every session not used for ttl, all where it is zero or less, hands each to removed where that is
	// not nil, and tells how many it removed, also beside an error.
	ExpireIdle(ctx context.Context, ttl time.Duration, removed func(manager.ID, manager.Session)) (int, error)

	// DeleteSession tells how many messages the session ever had.
	DeleteSession(ctx context.Context, id manager.ID) (seq, incarnation uint64, err error)

	// Reset removes every session, when nobody is using it.
	Reset(ctx context.Context) error

	Len(ctx context.Context) (int, error)
	Close() error
}

// OfLists makes message lists a target. Nothing is locked in them, so the work that a request asks for is done before the
// message or the touch is added. There are no fields: a Read tells the version.
func OfLists(l Lists) scenarios.Target { return &lists{Lists: l, spinner: manager.CalibrateSpinner()} }

// lists are a target, which all users share.
type lists struct {
	Lists
	spinner manager.Spinner
}

// listsConn is a user's way to lists. There is nothing that a user would have for itself, and its Close closes nothing.
type listsConn struct{ *lists }

var (
	_ scenarios.Target = (*lists)(nil)
	_ scenarios.Conn   = listsConn{}
)

// Supports implements [scenarios.Target].
func (l *lists) Supports(op scenarios.Op) bool {
	return op != scenarios.Update && op < scenarios.NumOps
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
	told := scenarios.ReportsIncarnation
	switch q.Op {
	case scenarios.Create:
		told, a.Created = 0, true
		a.ID, err = c.CreateSession(ctx)
	case scenarios.GetOrCreate:
		a.Created, a.Incarnation, err = c.GetOrCreate(ctx, q.ID)
	case scenarios.Append:
		told |= scenarios.ReportsSeq | scenarios.ReportsHeld
		if a.Held, err = c.work(ctx, q.Hold, q.Spin); err == nil {
			a.Seq, a.Incarnation, err = c.AddMessage(ctx, q.ID, q.Role, q.Content)
		}
	case scenarios.History:
		a.Messages, a.Incarnation, err = c.History(ctx, q.ID, a.Messages)
	case scenarios.Validate:
		told, err = 0, c.Validate(ctx, q.ID)
	case scenarios.Touch:
		told |= scenarios.ReportsVersion | scenarios.ReportsHeld
		if a.Held, err = c.work(ctx, q.Hold, q.Spin); err == nil {
			a.Version, a.Incarnation, err = c.Touch(ctx, q.ID)
		}
	case scenarios.Read:
		told |= scenarios.ReportsVersion
		a.Version, a.Incarnation, err = c.Version(ctx, q.ID)
	case scenarios.Sweep:
		told = 0
		a.Removed, err = c.ExpireIdle(ctx, q.Idle, nil)
	case scenarios.Delete:
		told |= scenarios.ReportsSeq
		a.Seq, a.Incarnation, err = c.DeleteSession(ctx, q.ID)
	default:
		return scenarios.ErrUnsupported
	}
	if err != nil {
		a.Clear()
		return err
	}
	a.Reported = told
	return nil
}

// work does what an update does while it would hold the session, and tells how long that took.
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
		slept := time.NewTimer(d)
		defer slept.Stop()
		select {
		case <-slept.C:
		case <-ctx.Done():
			return 0, manager.NotApplied(context.Cause(ctx))
		}
	}
	return time.Since(start), nil
}
