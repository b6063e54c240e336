package scenarios

import "time"

var _ = register(Scenario{
	Name:            "churn",
	Purpose:         "Whether a store is correct when sessions are deleted and created again under the same id while others use them.",
	Driver:          StoreDriver,
	Visit:           []Op{GetOrCreate, Append, Append, Append, Delete},
	Legal:           []Op{GetOrCreate, Append, History, Delete},
	Users:           100,
	Sessions:        32,
	Hold:            time.Millisecond,
	Sizes:           Messages,
	StartsEmpty:     true,
	RemovesSessions: true,
})
