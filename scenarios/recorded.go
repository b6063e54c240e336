package scenarios

// Recorded is the scenario of recorded traffic: what users do comes from a log. It is in no catalogue. A visit makes its
// session when there is none, so ids are used more than once.
func Recorded() Scenario {
	return Scenario{
		Name:        "trace",
		Purpose:     "How the stores get on with traffic that was recorded.",
		Driver:      StoreDriver,
		Visit:       []Op{GetOrCreate, History, Append, Append},
		Legal:       []Op{GetOrCreate, Append, History, Delete},
		Users:       100,
		StartsEmpty: true,
	}
}
