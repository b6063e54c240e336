package driver

import (
	"context"
	"errors"
	"os"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// Supports reports whether the users of a store perform an operation with a driver of this kind. It asks a driver of a store that is
// closed, so that no list beside the driver can differ from it.
func Supports(kind scenarios.DriverKind, op scenarios.Op) bool {
	store := strategies.NewPerSession[manager.Session]()
	_ = store.Close() // it is empty
	var d scenarios.Conn
	switch kind {
	case scenarios.ChatDriver:
		d = NewChat(store)
	case scenarios.BoardDriver:
		boards, err := manager.NewBrainstorming(store, os.TempDir())
		if err != nil {
			return true // opening the boards of the run reports it
		}
		_ = boards.Close() // creates no directory
		d = NewBoard(boards)
	default:
		d = NewStore(store, 0, nil, nil)
	}
	return !errors.Is(d.Do(context.Background(), &scenarios.Request{Op: op}, new(scenarios.Effect)), scenarios.ErrUnsupported)
}
