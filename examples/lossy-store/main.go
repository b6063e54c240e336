// Lossy-store is a build of sessbench with one more store, which is wrong: it loses one update in a thousand. It shows
// that the audit finds what no table of speeds would. Its row is struck, and the program exits with 5:
//
//	go run . run -S lossy,per-session --hold 0 -i 500
package main

import (
	"context"
	"os"
	"sync/atomic"

	"github.com/sessbench/sessbench/cmd"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func main() { os.Exit(cmd.Main(cmd.WithStore(lossyStrategy()))) }

func lossyStrategy() strategies.Strategy {
	return strategies.Strategy{
		Name:        "lossy",
		Description: "per-session, but one update in a thousand goes to a copy that is thrown away",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
			return &lossy{SessionStore: strategies.NewPerSession[manager.Session]()}, nil
		},
	}
}

// lossy confirms every update and loses every thousandth.
type lossy struct {
	manager.SessionStore[manager.Session]
	updates atomic.Int64
}

// Update runs fn, now and then on a copy of the session that nobody will see.
func (s *lossy) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.updates.Add(1)%1000 != 0 {
		return s.SessionStore.Update(ctx, id, fn)
	}
	return s.View(ctx, id, func(ctx context.Context, held *manager.Session) error { return fn(ctx, held.Clone()) })
}
