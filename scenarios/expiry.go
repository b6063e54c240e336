package scenarios

import "time"

var _ = register(Scenario{
	Name:     "expiry",
	Tells:    "What sweeping idle sessions does to the users: a log-in storm, reads that count as uses, and latency inside and outside sweeps.",
	Visit:    []Op{History, Append},
	Legal:    []Op{History, Append, Validate, Touch, Delete},
	Users:    100,
	Sessions: 10_000,
	Own:      true,
	Absent:   true,
	Leaving:  true,
	TTL:      100 * time.Millisecond,
	Hold:     time.Millisecond,
	Keys:     Keys{Zipf: 0.58},
	Sizes:    Messages,
	Cold:     true,
})
