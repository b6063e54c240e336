package scenarios

import "time"

var _ = register(Scenario{
	Name:        "hundred-users",
	Purpose:     "Whether one user's slow work holds up all the others: each changes a session of its own once, 100 ms of waiting under the lock.",
	Visit:       []Op{Append},
	Legal:       []Op{Append, History, Validate, Touch},
	Users:       100,
	Sessions:    100,
	OwnSessions: true,
	Hold:        100 * time.Millisecond,
	Iterations:  1,
	Sizes:       Messages,
})
