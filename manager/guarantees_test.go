package manager_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sessbench/sessbench/manager"
)

func TestOnlyItself(t *testing.T) {
	for blocks, want := range map[manager.Blocks]bool{
		manager.BlocksEveryone: false,
		manager.BlocksShard:    false,
		manager.BlocksActor:    false,
		manager.BlocksItself:   true,
		manager.BlocksWriters:  true,
		"":                     false, // nothing declared, nothing promised
	} {
		if got := (manager.Guarantees{Blocks: blocks}).OnlyItself(); got != want {
			t.Errorf("%q keeps only its own waiting: %v, want %v", blocks, got, want)
		}
	}
}

func TestNotAppliedWrapsBoth(t *testing.T) {
	err := manager.NotApplied(context.DeadlineExceeded)
	if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v: want ErrNotApplied and its cause", err)
	}
}
