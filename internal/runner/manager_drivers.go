package runner

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// chatDriver is one user's driver of a chatbot.
type chatDriver struct {
	chat    *manager.ChatUser
	touches uint64 // that chat had made by the last operation
}

// Do implements [scenarios.Conn]. It sets the parts of e that belong to the operation.
func (d *chatDriver) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	switch q.Op {
	case scenarios.Append:
		e.Reported = scenarios.ReportsSeq
		e.Seq, err = d.chat.AddMessage(ctx, q.ID, q.Role, q.Content)
		return err
	case scenarios.History:
		e.Messages, err = d.chat.History(ctx, q.ID, e.Messages[:0])
	case scenarios.Validate:
		err = d.chat.Validate(ctx, q.ID)
	case scenarios.Touch:
		e.Reported = scenarios.ReportsVersion
		e.Version, err = d.chat.Touch(ctx, q.ID)
	case scenarios.Create:
		e.ID, err = d.chat.CreateSession(ctx)
	case scenarios.Delete:
		err = d.chat.DeleteSession(ctx, q.ID)
	case scenarios.Sweep:
		e.Removed, err = d.chat.ExpireIdle(ctx, q.Idle)
	default:
		return scenarios.ErrUnsupported
	}
	touches := d.chat.Touches()
	e.Touches, d.touches = touches-d.touches, touches
	return err
}

// Close implements [scenarios.Conn].
func (d *chatDriver) Close() error { return nil }

// boardDriver is a user's driver of boards.
type boardDriver struct{ boards *manager.Brainstorming }

// Do implements [scenarios.Conn]. It sets the parts of e that belong to the operation.
func (d boardDriver) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	switch q.Op {
	case scenarios.Update:
		e.Reported = scenarios.ReportsVersion
		e.Version, err = d.boards.UpdateSession(ctx, q.ID, q.Fields)
	case scenarios.Read:
		var s manager.Session
		s, err = d.boards.Session(ctx, q.ID)
		e.Incarnation, e.Version, e.Fields = s.Incarnation, s.Version, s.Fields
	case scenarios.Create:
		e.ID, err = d.boards.CreateSession(ctx)
	case scenarios.Delete:
		err = d.boards.DeleteSession(ctx, q.ID)
	case scenarios.Sweep:
		e.Removed, err = d.boards.ExpireIdle(ctx, q.Idle)
	default:
		err = scenarios.ErrUnsupported
	}
	return err
}

// Close implements [scenarios.Conn]. The boards stay open.
func (d boardDriver) Close() error { return nil }
