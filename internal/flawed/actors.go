package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs of stores with a goroutine per session.

var _ = register(Flaw{
	Name:   "actor-leak",
	How:    "each session has a goroutine, which keeps running when the session is deleted",
	Copies: "a goroutine per session that ranges over a channel which is never closed",
	Open:   on(func(s *correct) store { return actorLeak{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userA, Do: history.Delete},
	},
	Kills: []history.Anomaly{history.LeakedGoroutines},
})

type actorLeak struct{ *correct }

func (s actorLeak) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	created, err := s.correct.GetOrCreate(ctx, id, create, view)
	if created {
		go func() { <-s.abandoned }() // the actor, waiting for a message
	}
	return created, err
}

const beforeSend = "before the message is sent"

var _ = register(Flaw{
	Name:   "dead-mailbox",
	How:    "an update is sent to a session's goroutine that has ended with the session, and waits for an answer",
	Copies: "discord/gen_registry #15: a lookup returns a process that has ended",
	Open:   on(func(s *correct) store { return deadMailbox{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeSend},
		{User: userA, Do: history.Delete},
		{User: userB},
	},
	Kills: []history.Anomaly{history.Hang},
})

// deadMailbox models a goroutine per session that does its updates. The lock stands for its mailbox: the holder is being
// served.
type deadMailbox struct{ *correct }

func (s deadMailbox) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.holdAny(ctx, id, beforeSend)
	if err != nil {
		return err
	}
	defer e.lock.release()
	if e.dead.Load() {
		<-s.abandoned // no goroutine receives it
		return manager.ErrClosed
	}
	return fn(ctx, &e.val)
}
