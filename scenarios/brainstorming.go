package scenarios

import "time"

var _ = register(Scenario{
	Name:        "brainstorming",
	Purpose:     "Complete session lifetimes, each with a directory: create, change the board, read it, delete.",
	Driver:      BoardDriver,
	Visit:       []Op{Create, Update, Read, Update, Read, Delete},
	Legal:       []Op{Create, Update, Read, Delete},
	Users:       100,
	Sessions:    100,
	OwnSessions: true,
	StartsEmpty: true,
	Hold:        time.Millisecond,
	Sizes:       Messages,
	Fields:      []string{"idea"},
})
