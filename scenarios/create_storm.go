package scenarios

import "time"

var _ = register(Scenario{
	Name:        "create-storm",
	Purpose:     "What a morning rush costs: everybody makes sessions and writes the first message of each, all at once.",
	Visit:       []Op{Create, Append},
	Legal:       []Op{Create, Append, History, Delete},
	Users:       100,
	Sessions:    100,
	OwnSessions: true,
	StartsEmpty: true,
	Hold:        time.Millisecond,
	Iterations:  20,
	Sizes:       Messages,
})
