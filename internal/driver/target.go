package driver

import (
	"context"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// target is a user's driver of a target. It adds the incarnation where the id determines it.
type target struct {
	scenarios.Conn
	reuses bool
}

// NewTarget returns a user's driver over a connection to a target. If ids are reused, the incarnations are those that the target
// reports; without a report all of those under an id count as one.
func NewTarget(c scenarios.Conn, reusesIDs bool) scenarios.Conn { return target{c, reusesIDs} }

// Do implements [scenarios.Conn].
func (d target) Do(ctx context.Context, q *scenarios.Request, e *scenarios.Effect) error {
	if err := d.Conn.Do(ctx, q, e); err != nil {
		return err
	}
	switch {
	case !d.reuses:
		e.Incarnation = manager.IncarnationOf(q.ID)
		e.Reported |= scenarios.ReportsIncarnation
	case e.Reported&scenarios.ReportsIncarnation == 0:
		e.Incarnation = manager.IncarnationOf(q.ID) | 1
	}
	return nil
}
