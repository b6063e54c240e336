package scenarios

import "time"

var _ = register(Scenario{
	Name:     "auth",
	Purpose:  "The cost of validating a login on every request: 99 validations per touch that records the use.",
	Mix:      Mix{{Validate, 99}, {Touch, 1}},
	Legal:    []Op{Validate, Touch},
	Users:    100,
	Sessions: 10_000,
	Hold:     time.Millisecond,
	Keys:     Keys{Zipf: 0.58},
	Sizes:    Messages,
})
