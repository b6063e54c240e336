package scenarios

import "time"

var _ = register(Scenario{
	Name:            "daily",
	Purpose:         "The end of a day, when every session expires at once while users continue: the pause, and the log-ins after it.",
	Visit:           []Op{History, Append},
	Legal:           []Op{History, Append, Validate, Touch, Delete},
	Users:           100,
	Sessions:        10_000,
	OwnSessions:     true,
	StartsEmpty:     true,
	RemovesSessions: true,
	TTL:             100 * time.Millisecond,
	DayEnd:          true,
	Hold:            time.Millisecond,
	Sizes:           Messages,
	NoWarmUp:        true,
})
