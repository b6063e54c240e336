package scenarios

import "time"

var _ = register(Scenario{
	Name:     "hot-session",
	Purpose:  "The limit of per-session locks: all users share one session, so its lock is the bottleneck.",
	Visit:    []Op{History, Append},
	Legal:    []Op{History, Append, Validate, Touch},
	Users:    100,
	Sessions: 1,
	Hold:     time.Millisecond,
	Sizes:    Messages,
	Prefill:  15,
})
