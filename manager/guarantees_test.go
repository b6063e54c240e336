package manager_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

func TestIndependentSessions(t *testing.T) {
	for blocks, want := range map[manager.Blocks]bool{
		manager.BlocksAllSessions: false,
		manager.BlocksShard:       false,
		manager.BlocksActor:       false,
		manager.BlocksSession:     true,
		manager.BlocksWriters:     true,
		"":                        false, // not declared
	} {
		if got := (manager.Guarantees{Blocks: blocks}).IndependentSessions(); got != want {
			t.Errorf("Blocks %q: IndependentSessions %v, want %v", blocks, got, want)
		}
	}
}

func TestNotAppliedWrapsBoth(t *testing.T) {
	err := manager.NotApplied(context.DeadlineExceeded)
	if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: want ErrNotApplied and its cause", err)
	}
}
