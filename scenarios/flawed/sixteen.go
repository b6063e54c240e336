package flawed

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios/verify"
)

var _ = register(Flaw{
	Name:       "sixteen-messages",
	How:        "the list of messages is cut at one more than it should keep",
	Copies:     "LTRIM key -16 -1, or LTRIM key 0 15: both ends of the range count, and off by one is easy",
	Guarantees: manager.Guarantees{Blocks: manager.BlocksEveryone, Alone: true},
	OpenTarget: func(*verify.Turnstile) (verify.Target, error) {
		return &chatLists{sessions: map[manager.ID]*chatList{}, keeps: manager.HistoryLimit + 1}, nil
	},
	Schedule: append(verify.Schedule{{User: userA, Do: verify.GetOrCreate}},
		append(appends(manager.HistoryLimit+1), verify.Line{User: userB, Do: verify.History})...),
	Kills: []verify.Anomaly{verify.UnboundedHistory},
})

func appends(n int) (s verify.Schedule) {
	for range n {
		s = append(s, verify.Line{User: userA, Do: verify.Append})
	}
	return s
}

// chatLists keeps lists of messages, and nobody's sessions as a whole.
type chatLists struct {
	mu       sync.Mutex // protects sessions
	sessions map[manager.ID]*chatList
	keeps    int
}

type chatList struct {
	seq      uint64
	messages []verify.Tag
	fields   verify.Tag
}

var _ verify.Target = (*chatLists)(nil)

// Do implements verify.Target.
func (c *chatLists) Do(ctx context.Context, id manager.ID, op *verify.Op) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sessions[id]
	if op.Kind == verify.GetOrCreate {
		if op.Created = s == nil; op.Created {
			c.sessions[id] = &chatList{}
		}
		return nil
	}
	if s == nil {
		return manager.ErrNotFound
	}
	switch op.Kind {
	case verify.Append:
		s.seq++
		s.messages = append(s.messages, op.Tag)
		if len(s.messages) > c.keeps {
			s.messages = s.messages[1:]
		}
		op.Told, op.Seq = verify.ToldSeq, s.seq
	case verify.Update:
		s.fields = op.Tag
	case verify.History:
		op.Told, op.Seq, op.Messages = verify.ToldSeq|verify.ToldMessages, s.seq, append(op.Messages, s.messages...)
	case verify.View:
		op.Told, op.Fields = verify.ToldFields, [2]verify.Tag{s.fields, s.fields}
	case verify.Delete:
		delete(c.sessions, id)
	}
	return nil
}

// Close implements verify.Target.
func (c *chatLists) Close() error { return nil }
