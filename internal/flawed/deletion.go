package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// These flaws are about sessions that go, and sessions that nobody made.

// afterDeath is what using a session that is gone can look like.
var afterDeath = []history.Anomaly{history.LostUpdate, history.Resurrection, history.DeletedRead, history.DoubleDeletion,
	history.DoubleCreation, history.LostSession, history.AdoptedID}

var _ = register(Flaw{
	Name:       "no-dead-mark",
	How:        "who waited for the lock of a session that was deleted meanwhile goes on with what is left of it",
	Copies:     "per-entry locks without a second look: the entry is out of the map, and still written to",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return noDeadMark{newRight(t)}, nil
	},
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

type noDeadMark struct{ *right }

func (s noDeadMark) Update(ctx context.Context, id manager.ID, fn closure) error {
	e, err := s.grab(ctx, id, beforeLock)
	if err != nil {
		return err
	}
	defer e.lock.free()
	return fn(ctx, &e.val)
}

var _ = register(Flaw{
	Name:       "resurrect",
	How:        "an update that finds its session deleted on writing puts it back",
	Copies:     "Django #21608 and expressjs/session #632: a request that was under way saves the session after the logout",
	Guarantees: optimistic,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return upsert{right: newRight(t)}, nil
	},
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
	How:        "an update compares the version it read, and a session made again has the same versions",
	Copies:     "the ABA problem of compare-and-set, as of any version number that begins anew with each life",
	Guarantees: optimistic,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return upsert{right: newRight(t), keepsDead: true}, nil
	},
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

// upsert compares versions and swaps. What it does about a session that has gone is wrong in one of two ways.
type upsert struct {
	*right
	keepsDead bool // it leaves a session deleted, and takes the next life for the same
}

func (s upsert) Update(ctx context.Context, id manager.ID, fn closure) error {
	for {
		var c *session
		err := s.right.View(ctx, id, func(_ context.Context, v *session) error {
			c = v.Clone()
			return nil
		})
		if err != nil {
			return err
		}
		read, life := c.Version, c.Incarnation
		if err := fn(ctx, c); err != nil {
			return err
		}
		s.Pass(ctx, betweenReadAndWrite)
		done := false
		err = s.right.Update(ctx, id, func(_ context.Context, v *session) error {
			same := s.keepsDead || v.Incarnation == life
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
	Name:       "adopted-id",
	How:        "an update of an id that nobody was given makes a session under it",
	Copies:     "session fixation: PHP's sessions before session.use_strict_mode take over whatever id the caller sends",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return adoptedID{newRight(t)}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.Append},
		{User: userB, Do: history.ReadMessages},
	},
	Kills: []history.Anomaly{history.AdoptedID},
})

type adoptedID struct{ *right }

func (s adoptedID) Update(ctx context.Context, id manager.ID, fn closure) error {
	if s.find(id) == nil && s.ready(ctx) == nil {
		s.insert(id, &entry{lock: s.newLock()})
	}
	return s.right.Update(ctx, id, fn)
}

const betweenLookAndRemoval = "between look and removal"

var _ = register(Flaw{
	Name:       "stale-sweep",
	How:        "a sweep notes what has expired, and removes it later without a second look",
	Copies:     "spring-session #93: the clean-up removed sessions that had been used since it chose them",
	Guarantees: perSession,
	Open: func(t *verify.Turnstile) (manager.SessionStore[session], error) {
		return staleSweep{newRight(t)}, nil
	},
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.Sweep, Hold: betweenLookAndRemoval},
		{User: userA, Do: history.Append},
		{User: userB},
		{User: userA, Do: history.ReadMessages},
	},
	Kills: append([]history.Anomaly{history.FracturedRead, history.WrongAnswer, history.FutureRead}, afterDeath...),
})

type staleSweep struct{ *right }

func (s staleSweep) Sweep(
	ctx context.Context, expired func(manager.ID, *session) bool, removed func(manager.ID, session),
) (n int, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	var idle []manager.ID
	for _, id := range s.ids() {
		_ = s.right.View(ctx, id, func(_ context.Context, v *session) error {
			if expired(id, v) {
				idle = append(idle, id)
			}
			return nil
		})
	}
	s.Pass(ctx, betweenLookAndRemoval)
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
