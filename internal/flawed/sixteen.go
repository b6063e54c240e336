package flawed

import (
	"context"
	"slices"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

var _ = register(Flaw{
	Name:       "sixteen-messages",
	How:        "the list of messages is trimmed to one more than the limit",
	Copies:     "LTRIM key -16 -1, or LTRIM key 0 15: both ends of the range are included",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksAllSessions, ExclusiveUpdates: true},
	OpenTarget: func() (scenarios.Target, error) { return newLists(manager.HistoryLimit + 1), nil },
	Schedule: append(verify.Schedule{{User: userA, Do: history.GetOrCreate}},
		append(appends(manager.HistoryLimit+1), verify.Line{User: userB, Do: history.ReadMessages})...),
	Kills: []history.Anomaly{history.UnboundedHistory},
})

func appends(n int) (s verify.Schedule) {
	for range n {
		s = append(s, verify.Line{User: userA, Do: history.Append})
	}
	return s
}

// chatLists stores lists of messages only.
type chatLists struct {
	keeps int // limit of messages per session

	mu       sync.Mutex // protects the following
	sessions map[manager.ID]*chatList
}

type chatList struct {
	seq      uint64
	messages []manager.Message
}

var _ scenarios.Target = (*chatLists)(nil)

func newLists(keeps int) *chatLists {
	return &chatLists{keeps: keeps, sessions: map[manager.ID]*chatList{}}
}

// Supports implements [scenarios.Target].
func (c *chatLists) Supports(op scenarios.Op) bool {
	return slices.Contains([]scenarios.Op{scenarios.GetOrCreate, scenarios.Append, scenarios.History, scenarios.Delete}, op)
}

// Connect implements [scenarios.Target].
func (c *chatLists) Connect(context.Context) (scenarios.Conn, error) { return chatUser{c}, nil }

// Reset implements [scenarios.Target].
func (c *chatLists) Reset(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.sessions)
	return nil
}

// Census implements [scenarios.Target].
func (c *chatLists) Census(context.Context) (manager.Census, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return manager.Census{Sessions: len(c.sessions)}, nil
}

// Close implements [scenarios.Target].
func (c *chatLists) Close() error { return nil }

// chatUser is the connection of a user.
type chatUser struct{ *chatLists }

// Do implements [scenarios.Conn].
func (c chatUser) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	a.Clear()
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[q.ID]
	if q.Op == scenarios.GetOrCreate {
		if a.Created = s == nil; a.Created {
			c.sessions[q.ID] = &chatList{}
		}
		return nil
	}
	if s == nil {
		return manager.ErrNotFound
	}
	switch q.Op {
	case scenarios.Append:
		s.seq++
		s.messages = append(s.messages, manager.Message{Seq: s.seq, Role: q.Role, Content: q.Content})
		s.messages = s.messages[max(0, len(s.messages)-c.keeps):]
	case scenarios.History:
		a.Messages = append(a.Messages, s.messages...)
	case scenarios.Delete:
		delete(c.sessions, q.ID)
	default:
		return scenarios.ErrUnsupported
	}
	a.Reported, a.Seq = scenarios.ReportsSeq, s.seq
	return nil
}
