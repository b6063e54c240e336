package verify

import (
	"slices"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
)

// addUnjudged adds to the histories the sessions that sweeps did not judge. A sweep may leave out a session that another operation holds, and so
// do another sweep, and Close. If no operation on the session and no other sweep overlapped the sweep, the session was not there.
func (r *round) addUnjudged() {
	if r.script.closeAfter > 0 {
		return
	}
	at := make(map[manager.ID]int, len(r.histories))
	for i := range r.histories {
		at[r.histories[i].ID] = i
	}
	for _, c := range r.clients {
		for i := range c.unjudged {
			u := &c.unjudged[i]
			i, used := at[r.pool.ids[u.slot]]
			if !used {
				continue
			}
			h := &r.histories[i]
			held := slices.ContainsFunc(h.Ops, func(op history.Op) bool { return !op.Precedes(&u.Op) && !u.Precedes(&op) })
			if !held && !r.sweptBeside(c, &u.Op) {
				h.Ops = append(h.Ops, u.Op)
			}
		}
	}
}

// sweptBeside reports whether a sweep by another user than c overlapped an operation.
func (r *round) sweptBeside(c *client, op *history.Op) bool {
	return slices.ContainsFunc(r.clients, func(other *client) bool {
		return other != c && slices.ContainsFunc(other.sweeps, func(s span) bool { return s.call <= op.Return && op.Call <= s.end })
	})
}
