package scenarios

import "time"

var _ = register(Scenario{
	Name:     "hot-session",
	Purpose:  "What no per-session lock can help with: everybody is on one session, so its own lock is the queue.",
	Visit:    []Op{History, Append},
	Legal:    []Op{History, Append, Validate, Touch},
	Users:    100,
	Sessions: 1,
	Hold:     time.Millisecond,
	Sizes:    Messages,
	Prefill:  15,
})
