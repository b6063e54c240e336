package cmd

import (
	"context"
	"sync/atomic"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// lossy is a store that is wrong on purpose: of a hundred updates it loses one.
type lossy struct {
	manager.SessionStore[manager.Session]
	updates atomic.Int64
}

func (s *lossy) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.updates.Add(1)%100 != 0 {
		return s.SessionStore.Update(ctx, id, fn)
	}
	return s.View(ctx, id, func(ctx context.Context, held *manager.Session) error { return fn(ctx, held.Clone()) })
}

func lossyStrategy(name string) strategies.Strategy {
	return strategies.Strategy{
		Name:        name,
		Description: "one update in a hundred is lost",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
			return &lossy{SessionStore: strategies.NewPerSession[manager.Session]()}, nil
		},
	}
}

// mine is a store whose updates allocate, or do not: two builds of one program.
type mine struct {
	manager.SessionStore[manager.Session]
	wasteful bool
}

func (s *mine) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.wasteful {
		wasted.Store(new([8]byte))
	}
	return s.SessionStore.Update(ctx, id, fn)
}

// unfit is a store that cannot make a session.
type unfit struct {
	manager.SessionStore[manager.Session]
}

func (unfit) GetOrCreate(context.Context, manager.ID, func() manager.Session, func(*manager.Session)) (bool, error) {
	panic("out of sorts")
}

func unfitStrategy() strategies.Strategy {
	s := myStrategy(false)
	s.Open = func(strategies.Values) (manager.SessionStore[manager.Session], error) {
		return unfit{strategies.NewPerSession[manager.Session]()}, nil
	}
	return s
}

var wasted atomic.Pointer[[8]byte] // so that it has to be allocated

func myStrategy(wasteful bool) strategies.Strategy {
	return strategies.Strategy{
		Name:        "mine",
		Description: "one lock a session",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
			return &mine{strategies.NewPerSession[manager.Session](), wasteful}, nil
		},
	}
}
