package scenarios

import "time"

var _ = register(Scenario{
	Name:            "churn",
	Purpose:         "Whether sessions survive being deleted and made again under the same id while others use them: where lock bugs live.",
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
