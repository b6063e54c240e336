package scenarios

import "time"

var _ = register(Scenario{
	Name:        "hundred-users",
	Purpose:     "Whether one user's slow work delays all others: each user changes a separate session once, with a 100 ms wait under the lock.",
	Visit:       []Op{Append},
	Legal:       []Op{Append, History, Validate, Touch},
	Users:       100,
	Sessions:    100,
	OwnSessions: true,
	Hold:        100 * time.Millisecond,
	Iterations:  1,
	Sizes:       Messages,
})
