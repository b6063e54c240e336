package scenarios

// Recorded returns the scenario of recorded traffic, whose operations come from a log. It is not in the catalogue. A visit creates
// its session if it is absent, so ids are used more than once.
func Recorded() Scenario {
	return Scenario{
		Name:        "trace",
		Purpose:     "The performance of stores under recorded traffic.",
		Driver:      StoreDriver,
		Visit:       []Op{GetOrCreate, History, Append, Append},
		Legal:       []Op{GetOrCreate, Append, History, Delete},
		Users:       100,
		StartsEmpty: true,
	}
}
