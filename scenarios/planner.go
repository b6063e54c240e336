package scenarios

import "time"

var _ = register(Scenario{
	Name:     "planner",
	Purpose:  "Whether several fields changed together are ever seen apart: five fields of a plan are written as one, and every read compares them.",
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
