package runner

import "time"

// Preparing is the progress of creating a trial's initial sessions.
type Preparing struct {
	Made, Sessions int
	Took           time.Duration // so far
}

// PreparingEvery is the time until preparing is first reported, and the interval of further reports.
const PreparingEvery = 2 * time.Second

// withProgress calls prepare. While that takes long, onPreparing is called, on this goroutine, and once more, with the zero
// value, at the end.
func (tr *trial) withProgress(prepare func() error) error {
	if tr.setup.onPreparing == nil {
		return prepare()
	}
	sessions := tr.setup.scenario.Slots()
	if tr.setup.scenario.OwnSessions { // each participant makes its own users'
		sessions = tr.setup.scenario.SlotsPerUser() * len(tr.users.active)
	}
	done := make(chan error, 1)
	created := time.Now()
	go func() { done <- prepare() }()
	tick := time.NewTicker(PreparingEvery)
	defer tick.Stop()
	for reported := false; ; reported = true {
		select {
		case err := <-done:
			if reported {
				tr.setup.onPreparing(Preparing{})
			}
			return err
		case <-tick.C:
			tr.setup.onPreparing(Preparing{int(tr.made.Load()), sessions, time.Since(created)})
		}
	}
}
