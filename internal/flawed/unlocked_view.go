package flawed

import (
	"context"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

var _ = register(Flaw{
	Name:   "unlocked-view",
	How:    "get-or-create finds or creates the session under its lock, and reads it afterwards",
	Copies: "patrickmn/go-cache and others with pointers as values: Get locks the look-up, not what the caller does with the result",
	Open:   on(func(s *correct) store { return unlockedView{s} }),
	Schedule: verify.Schedule{
		{User: userA, Do: history.GetOrCreate},
		{User: userB, Do: history.GetOrCreate, Hold: verify.Inside},
		{User: userA, Do: history.Append},
		{User: userB},
	},
	Kills: []history.Anomaly{history.FracturedRead, history.FutureRead, history.StaleRead, history.Crash},
	Races: true,
})

type unlockedView struct{ *correct }

func (s unlockedView) GetOrCreate(ctx context.Context, id manager.ID, create func() session, view func(*session)) (bool, error) {
	var stored *session
	created, err := s.correct.GetOrCreate(ctx, id, create, func(now *session) { stored = now })
	if err == nil && view != nil {
		view(stored)
	}
	return created, err
}
