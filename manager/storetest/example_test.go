package storetest_test

import (
	"testing"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/strategies"
)

// t is the argument of the test function in which the examples stand.
var t *testing.T

// The body of a test, func TestStore(t *testing.T), for sessions of the type int64.
func ExampleRun() {
	storetest.Run(t,
		func(testing.TB) manager.SessionStore[int64] { return strategies.NewPerSession[int64]() },
		manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true},
		storetest.Probe[int64]{
			New:       func() int64 { return 0 },
			Increment: func(n *int64) { *n++ },
			Count:     func(n *int64) int64 { return *n },
		})
}

// The body of a test, func TestStoreIsLinearizable(t *testing.T). Run tests what has a rule, this what has none.
func ExampleLinearizable() {
	storetest.Linearizable(t,
		func(testing.TB) manager.SessionStore[manager.Session] {
			return strategies.NewPerSession[manager.Session]()
		},
		storetest.Options{Guarantees: manager.Guarantees{Blocks: manager.BlocksSession, ExclusiveUpdates: true}})
}

// The body of a test, func TestChat(t *testing.T).
func ExampleRunChat() {
	storetest.RunChat(t, func(testing.TB) manager.SessionStore[manager.Session] {
		return strategies.NewPerSession[manager.Session]()
	})
}
