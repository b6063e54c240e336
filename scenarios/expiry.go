package scenarios

import "time"

var _ = register(Scenario{
	Name:            "expiry",
	Purpose:         "The effect of sweeping idle sessions: a log-in storm, reads that count as uses, and latency during and outside sweeps.",
	Visit:           []Op{History, Append},
	Legal:           []Op{History, Append, Validate, Touch, Delete},
	Users:           100,
	Sessions:        10_000,
	OwnSessions:     true,
	StartsEmpty:     true,
	RemovesSessions: true,
	TTL:             100 * time.Millisecond,
	Hold:            time.Millisecond,
	Keys:            Keys{Zipf: 0.58},
	Sizes:           Messages,
	NoWarmUp:        true,
})
