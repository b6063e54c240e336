package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// Bugs in deletion, expiry and implicit creation.

// afterDeath are the violations that the use of a removed session can cause.
var afterDeath = []history.Anomaly{history.LostUpdate, history.Resurrection, history.DeletedRead, history.DoubleDeletion,
	history.DoubleCreation, history.LostSession, history.AdoptedID}

var _ = register(Flaw{
	Name:   "no-dead-mark",
	How:    "an update that waited for the lock of a session deleted meanwhile continues on the removed entry",
	Copies: "per-entry locks without a second lookup: the entry has left the map and is still written",
	Open:   on(func(s *correct) store { return noDeadMark{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: beforeLock},
		{User: userA, Do: history.Delete},
		{User: userB},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: afterDeath,
	Races: true,
})

type noDeadMark struct{ *correct }

func (s noDeadMark) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.holdAny(ctx, id, beforeLock)
	if err != nil {
		return err
	}
	defer e.lock.release()
	return fn(ctx, &e.val)
}

var _ = register(Flaw{
	Name:       "resurrect",
	How:        "an update that finds its session deleted when it writes stores it again",
	Copies:     "Django #21608 and expressjs/session #632: a request in progress saves the session after the logout",
	Guarantees: optimistic,
	Open:       on(func(s *correct) store { return upsert{correct: s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: betweenReadAndWrite},
		{User: userA, Do: history.Delete},
		{User: userB},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: afterDeath,
})

var _ = register(Flaw{
	Name:       "version-only",
	How:        "an update compares only the version, and a session created again has the same versions",
	Copies:     "the ABA problem of compare-and-set: a version number that starts again with each incarnation",
	Guarantees: optimistic,
	Open:       on(func(s *correct) store { return upsert{correct: s, keepsDead: true} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Append, Hold: betweenReadAndWrite},
		{User: userA, Do: history.Delete},
		{User: userA, Do: history.GetOrCreate},
		{User: userB},
		{User: userC, Do: history.ReadMessages},
	},
	Kills: afterDeath,
})

// upsert compares versions and swaps. It handles a removed session wrongly in one of two ways.
type upsert struct {
	*correct
	keepsDead bool // leaves a session deleted, but confuses its incarnations; otherwise stores it again
}

func (s upsert) Update(ctx context.Context, id manager.ID, fn closure) error {
	for {
		c, err := s.copy(ctx, id)
		if err != nil {
			return err
		}
		read, incarnation := c.Version, c.Incarnation
		if err := fn(ctx, c); err != nil {
			return err
		}
		s.Reach(ctx, betweenReadAndWrite)
		done := false
		err = s.correct.Update(ctx, id, func(_ context.Context, v *session) error {
			same := s.keepsDead || v.Incarnation == incarnation
			if done = same && v.Version == read; done {
				*v = *c
			}
			return nil
		})
		if err == manager.ErrNotFound && !s.keepsDead {
			done = s.insert(id, &entry{lock: s.newLock(), val: *c})
			err = nil
		}
		if done || err != nil {
			return err
		}
	}
}

var _ = register(Flaw{
	Name:   "adopted-id",
	How:    "an update of an unknown id creates a session under it",
	Copies: "session fixation: PHP's sessions before session.use_strict_mode accept any id that the caller sends",
	Open:   on(func(s *correct) store { return adoptedID{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.Append},
		{User: userB, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.AdoptedID},
})

type adoptedID struct{ *correct }

func (s adoptedID) Update(ctx context.Context, id manager.ID, fn closure) error {
	if s.find(id) == nil && s.ready(ctx) == nil {
		s.insert(id, &entry{lock: s.newLock()})
	}
	return s.correct.Update(ctx, id, fn)
}

const betweenCheckAndRemoval = "between check and removal"

var _ = register(Flaw{
	Name:   "stale-sweep",
	How:    "a sweep collects expired sessions and removes them later without a second check",
	Copies: "spring-session #93: the clean-up removed sessions that were used after it had selected them",
	Open:   on(func(s *correct) store { return staleSweep{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Sweep, Hold: betweenCheckAndRemoval},
		{User: userA, Do: history.Append},
		{User: userB},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: append([]history.Anomaly{history.FracturedRead, history.WrongAnswer, history.FutureRead}, afterDeath...),
})

type staleSweep struct{ *correct }

func (s staleSweep) Sweep(
	ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session),
) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	var idle []manager.ID
	for _, id := range s.ids() {
		_ = s.correct.View(ctx, id, func(_ context.Context, v *session) error {
			if expired(id, v) {
				idle = append(idle, id)
			}
			return nil
		})
	}
	s.Reach(ctx, betweenCheckAndRemoval)
	for _, id := range idle {
		last, err := s.Delete(ctx, id)
		if err != nil {
			continue
		}
		n++
		if removed != nil {
			removed(id, last)
		}
	}
	return n, nil
}
