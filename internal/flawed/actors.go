package flawed

import (
	"context"
	"sync"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs of stores with a goroutine or a queue per session.

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

// queuePlaces is the capacity of a bounded queue.
const queuePlaces = 64

var _ = register(Flaw{
	Name:   "full-queue-drops",
	How:    "updates of a session wait in a bounded queue; one that finds the queue full is dropped, and reports success",
	Copies: "a select with a default case on a buffered channel",
	Open:   on(func(s *correct) store { return &fullQueue{correct: s, waiting: map[manager.ID]int{}} }),
	Schedule: verify.Schedule{ // the observation that follows shows it
		{User: userA, Do: history.GetOrCreate},
	},
	Kills: []history.Anomaly{history.LostUpdate},
})

type fullQueue struct {
	*correct
	mu      sync.Mutex // protects waiting
	waiting map[manager.ID]int
}

func (s *fullQueue) Update(ctx context.Context, id manager.ID, fn closure) error {
	if !s.join(id) {
		return nil
	}
	defer s.leave(id)
	return s.correct.Update(ctx, id, fn)
}

// join takes a place in a session's queue, if one is free.
func (s *fullQueue) join(id manager.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[id] > queuePlaces {
		return false
	}
	s.waiting[id]++
	return true
}

func (s *fullQueue) leave(id manager.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting[id]--; s.waiting[id] == 0 {
		delete(s.waiting, id)
	}
}
