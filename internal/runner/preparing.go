package runner

import "time"

// Preparing is how many of the sessions are made that are to be there before a trial's clock starts.
type Preparing struct {
	Made, Sessions int
	Took           time.Duration // so far
}

// PreparingEvery is how long preparing may take before anybody is told, and before each further time.
const PreparingEvery = 2 * time.Second

// telling does what prepares the sessions. When that takes long, tell is called meanwhile, on this goroutine, and once more,
// with nothing, when it is over.
func (tr *trial) telling(prepare func() error) error {
	if tr.tell == nil {
		return prepare()
	}
	sessions := tr.scenario.Slots()
	if tr.scenario.OwnSessions { // each participant makes its own users'
		sessions = tr.scenario.SlotsPerUser() * len(tr.users)
	}
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- prepare() }()
	tick := time.NewTicker(PreparingEvery)
	defer tick.Stop()
	for told := false; ; told = true {
		select {
		case err := <-done:
			if told {
				tr.tell(Preparing{})
			}
			return err
		case <-tick.C:
			tr.tell(Preparing{int(tr.made.Load()), sessions, time.Since(began)})
		}
	}
}
