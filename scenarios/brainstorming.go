package scenarios

import "time"

var _ = register(Scenario{
	Name:     "brainstorming",
	Tells:    "How whole session lives get on, each with a directory: create, change the board, read it, delete.",
	Drives:   BoardView,
	Visit:    []Op{Create, Update, Read, Update, Read, Delete},
	Legal:    []Op{Create, Update, Read, Delete},
	Users:    100,
	Sessions: 100,
	Own:      true,
	Absent:   true,
	Hold:     time.Millisecond,
	Sizes:    Messages,
	Fields:   []string{"idea"},
})
