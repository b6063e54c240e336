package scenarios

import "time"

var _ = register(Scenario{
	Name:     "planner",
	Purpose:  "Whether fields that are changed together are ever read half-changed: five fields of a plan get one value, and every read compares them.",
	Driver:   BoardDriver,
	Mix:      Mix{{Update, 1}, {Read, 1}},
	Legal:    []Op{Update, Read},
	Users:    100,
	Sessions: 100,
	Hold:     time.Millisecond,
	Keys:     Keys{Zipf: 0.45},
	Sizes:    Messages,
	Fields:   []string{"goal", "steps", "owner", "due", "status"},
})
