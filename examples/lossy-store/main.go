// Lossy-store is a build of sessbench with an incorrect store, which loses one update in a thousand. It shows that the audit finds
// what a table of throughputs does not show. The store's row is struck, and the program exits with code 5:
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
		Description: "per-session, but one update in a thousand changes a copy that is discarded",
		Guarantees:  manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		Open: func(strategies.Values) (manager.SessionStore[manager.Session], error) {
			return &lossy{SessionStore: strategies.NewPerSession[manager.Session]()}, nil
		},
	}
}

// lossy acknowledges every update and loses every thousandth.
type lossy struct {
	manager.SessionStore[manager.Session]
	updates atomic.Int64
}

// Update runs fn, every thousandth time on a copy of the session that is discarded.
func (s *lossy) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if s.updates.Add(1)%1000 != 0 {
		return s.SessionStore.Update(ctx, id, fn)
	}
	return s.View(ctx, id, func(ctx context.Context, held *manager.Session) error { return fn(ctx, held.Clone()) })
}
