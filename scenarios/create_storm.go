package scenarios

import "time"

var _ = register(Scenario{
	Name:        "create-storm",
	Purpose:     "The cost of a morning rush: all users create sessions and write the first message of each, at the same time.",
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
