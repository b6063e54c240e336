// Package driver has the drivers of users, one per file: for a chatbot, for boards, for a store without a manager between, and for a target.
// Drivers implement [scenarios.Conn], as programs and services do. They set the parts of an effect that belong to the operation; the other
// parts keep the values of earlier operations, so that the hot path clears nothing.
//
// A driver with a method for each operation was considered: the user would need a switch over all of them, once to call and
// once to read each result.
package driver

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// chat is one user's driver of a chatbot.
type chat struct {
	user *manager.ChatUser
	uses uint64 // that user had recorded by the last operation
}

// NewChat returns a user's driver of a chatbot over a store.
func NewChat(store manager.SessionStore[manager.Session], opts ...manager.Option) scenarios.Conn {
	return &chat{user: manager.NewChatbot(store, opts...).User()}
}

// Do implements [scenarios.Conn]. Hot path: an append does no more than it must.
func (d *chat) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	e.Reported, e.Incarnation = scenarios.ReportsIncarnation, manager.IncarnationOf(q.ID)
	switch q.Op {
	case scenarios.Append:
		e.Reported |= scenarios.ReportsSeq
		e.Seq, err = d.user.AddMessage(ctx, q.ID, q.Role, q.Content)
		return err
	case scenarios.History:
		e.Messages, err = d.user.History(ctx, q.ID, e.Messages[:0])
	case scenarios.Validate:
		err = d.user.Validate(ctx, q.ID)
	case scenarios.Touch:
		e.Reported |= scenarios.ReportsVersion
		e.Version, err = d.user.Touch(ctx, q.ID)
	case scenarios.Create:
		e.ID, err = d.user.CreateSession(ctx)
	case scenarios.Delete:
		err = d.user.DeleteSession(ctx, q.ID)
	case scenarios.Sweep:
		e.Removed, err = d.user.ExpireIdle(ctx, q.Idle)
	default:
		return scenarios.ErrUnsupported
	}
	uses := d.user.Touches()
	if e.Uses = uses - d.uses; e.Uses > 0 { // drivers of two users may share a cache line, so it is not written without need
		d.uses = uses
	}
	return err
}

// Close implements [scenarios.Conn]. The store stays open.
func (d *chat) Close() error { return nil }
