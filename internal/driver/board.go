package driver

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// board is a user's driver of boards.
type board struct{ boards *manager.Brainstorming }

// NewBoard returns a user's driver of boards.
func NewBoard(boards *manager.Brainstorming) scenarios.Conn { return board{boards} }

// Do implements [scenarios.Conn].
func (d board) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) (err error) {
	e.Reported = scenarios.ReportsIncarnation | scenarios.ReportsVersion
	e.Incarnation = manager.IncarnationOf(q.ID)
	switch q.Op {
	case scenarios.Update:
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
func (d board) Close() error { return nil }
