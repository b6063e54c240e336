package strategies

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

// Operations come and go while the gate is shut: close waits for those inside, and not for rejected ones.
func TestGateWaitsForRunningOperations(t *testing.T) {
	for range 200 {
		g := newGate()
		var inside, turnedAway atomic.Int64
		var users sync.WaitGroup
		for range 8 {
			users.Go(func() {
				for {
					in, err := g.enter(context.Background())
					if err != nil {
						turnedAway.Add(1)
						return
					}
					inside.Add(1)
					inside.Add(-1)
					g.leave(in)
				}
			})
		}
		g.close()
		if n := inside.Load(); n != 0 {
			t.Fatalf("%d operations inside a closed gate", n)
		}
		users.Wait()
		if n := turnedAway.Load(); n != 8 {
			t.Fatalf("%d users were turned away: want 8", n)
		}
	}
}

func TestGateStopsRunningOperations(t *testing.T) {
	g, ctx := newGate(), context.Background()
	in, err := g.enter(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.again(ctx); err != nil {
		t.Errorf("again of an open gate: %v", err)
	}
	closed := make(chan struct{})
	go func() { g.close(); close(closed) }()
	for g.again(ctx) == nil {
		select {
		case <-closed:
			t.Fatal("the gate closed around an operation")
		default:
		}
	}
	if err := g.again(ctx); err != manager.ErrClosed {
		t.Errorf("again of a shut gate: %v: want ErrClosed", err)
	}
	g.leave(in)
	<-closed
}
