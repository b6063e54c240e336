package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// These flaws are in sessions that are kept by goroutines of their own.

var _ = register(Flaw{
	Name:       "actor-leak",
	How:        "each session has a goroutine, which nobody ends when the session is deleted",
	Copies:     "a goroutine a session that ranges over a channel that nobody closes",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return actorLeak{newRight(t)}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Delete},
	},
	Kills: []history.Anomaly{history.LeakedGoroutines},
})

type actorLeak struct{ *right }

func (s actorLeak) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	created, err := s.right.GetOrCreate(ctx, id, create, view)
	if created {
		go func() { <-s.gone }() // the actor, waiting for a message
	}
	return created, err
}

const beforeSend = "before the message is sent"

var _ = register(Flaw{
	Name:       "dead-mailbox",
	How:        "an update is sent to a session's goroutine that has ended with the session, and waits for an answer",
	Copies:     "discord/gen_registry #15: a lookup returns a process that has ended",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return deadMailbox{newRight(t)}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeSend},
		{User: userA, Do: history.Delete},
		{User: userB},
	},
	Kills: []history.Anomaly{history.Hang},
})

// deadMailbox has a goroutine for each session, which does its updates. Its lock is its mailbox: who has it is being served.
type deadMailbox struct{ *right }

func (s deadMailbox) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.grab(ctx, id, beforeSend)
	if err != nil {
		return err
	}
	defer e.lock.free()
	if e.dead {
		<-s.gone // nobody answers any more
		return manager.ErrClosed
	}
	return fn(ctx, &e.val)
}
