package scenarios

import "time"

var _ = register(Scenario{
	Name:     "rag",
	Purpose:  "Whether readers of long histories of large documents wait for rare writers: 19 reads per append.",
	Mix:      Mix{{History, 19}, {Append, 1}},
	Legal:    []Op{History, Append, Validate, Touch},
	Users:    100,
	Sessions: 1000,
	Hold:     time.Millisecond,
	Keys:     Keys{Zipf: 0.45},
	Sizes:    Sizes{{0, 2 << 10}, {0.9, 16 << 10}, {1, 64 << 10}},
	Prefill:  15,
})
