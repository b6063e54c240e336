package target

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

	// History appends the newest messages to dst, oldest first.
	History(ctx context.Context, id manager.ID, dst []manager.Message) (messages []manager.Message, incarnation uint64, err error)

	// DeleteSession tells how many messages the session ever had.
	DeleteSession(ctx context.Context, id manager.ID) (seq, incarnation uint64, err error)

	// Reset removes every session, when nobody is using it.
	Reset(ctx context.Context) error

	Len(ctx context.Context) (int, error)
	Close() error
}

// OfLists makes message lists a target. Nothing is locked in them, so the work that a request asks for is done before the
// message is added.
func OfLists(l Lists) scenarios.Target { return &chat{Lists: l, spinner: manager.CalibrateSpinner()} }

// chat is lists as a target, and every user's way to it: there is nothing that a user would have for itself.
type chat struct {
	Lists
	spinner manager.Spinner
}

// chatConn is a user's.
type chatConn struct{ *chat }

var (
	_ scenarios.Target = (*chat)(nil)
	_ scenarios.Conn   = chatConn{}
)

// Has implements [scenarios.Target].
func (c *chat) Has(op scenarios.Op) bool {
	switch op {
	case scenarios.Create, scenarios.GetOrCreate, scenarios.Append, scenarios.History, scenarios.Delete:
		return true
	}
	return false
}

// Connect implements [scenarios.Target].
func (c *chat) Connect(context.Context) (scenarios.Conn, error) { return chatConn{c}, nil }

// Census implements [scenarios.Target].
func (c *chat) Census(ctx context.Context) (manager.Census, error) {
	n, err := c.Len(ctx)
	return manager.Census{Sessions: n}, err
}

// Close implements [scenarios.Conn]: there is nothing to close.
func (chatConn) Close() error { return nil }

// Do implements [scenarios.Conn].
func (c chatConn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Answer) (err error) {
	a.Clear()
	told := scenarios.ToldLife
	switch q.Op {
	case scenarios.Create:
		told, a.Created = 0, true
		a.ID, err = c.CreateSession(ctx)
	case scenarios.GetOrCreate:
		a.Created, a.Life, err = c.GetOrCreate(ctx, q.ID)
	case scenarios.Append:
		told |= scenarios.ToldSeq | scenarios.ToldHeld
		if a.Held, err = c.work(ctx, q.Hold, q.Spin); err == nil {
			a.Seq, a.Life, err = c.AddMessage(ctx, q.ID, q.Role, q.Content)
		}
	case scenarios.History:
		a.Messages, a.Life, err = c.History(ctx, q.ID, a.Messages)
	case scenarios.Delete:
		told |= scenarios.ToldSeq
		a.Seq, a.Life, err = c.DeleteSession(ctx, q.ID)
	default:
		return scenarios.ErrUnsupported
	}
	if err != nil {
		a.Clear()
		return err
	}
	a.Told = told
	return nil
}

// work does what an update does while it would hold the session, and tells how long that took.
func (c *chat) work(ctx context.Context, d time.Duration, spin bool) (time.Duration, error) {
	if d <= 0 {
		return 0, nil
	}
	start := time.Now()
	switch {
	case spin:
		c.spinner.For(d)()
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
