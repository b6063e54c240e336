package scenarios

import "time"

// The popularity of conversations is that in RAGPulse, a university's production chatbot: Zipf 0.45.
var _ = register(Scenario{
	Name:     Default,
	Purpose:  "A chatbot's typical work: read the history, append the question, append the answer, 1 ms of work under the lock.",
	Visit:    []Op{History, Append, Append},
	Legal:    []Op{History, Append, Validate, Touch},
	Users:    100,
	Sessions: 1000,
	Hold:     time.Millisecond,
	Keys:     Keys{Zipf: 0.45},
	Sizes:    Messages,
	Prefill:  15,
})
