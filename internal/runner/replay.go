package runner

import "time"

// replay does this user's share of recorded traffic: as fast as possible with speed 0, else on the log's clock, run
// speed times as fast. A probe of the harness, which has no first visit, repeats it until the window closes.
func (u *user) replay(speed float64) error {
	tr := u.trial
	for {
		t, some, err := u.replayOnce(speed)
		if err != nil || !some || !tr.unaudited || !tr.timed() || t >= tr.until {
			u.finish(t)
			return err
		}
		for i, share := range u.shares {
			u.shares[i] = share.Again()
		}
	}
}

// replayOnce goes through the log once and returns the time after it, and whether there was anything to do.
func (u *user) replayOnce(speed float64) (t int64, some bool, err error) {
	tr := u.trial
	t = u.now()
	for _, share := range u.shares {
		for t < tr.until && !tr.stopped.Load() {
			at, step, ok := share.Next()
			if !ok {
				break
			}
			t = u.now() // reading the log is no part of the operation
			t = u.enterWindow(t)
			if step.Start() {
				u.progress.Add(1)
				if t >= tr.from {
					u.visits++
				}
				if speed > 0 {
					t = u.awaitDue(int64(float64(at) / speed))
				}
			}
			t, _ = u.timed(t, step)
			some = true
		}
		if err := share.Err(); err != nil {
			return t, some, err
		}
	}
	return t, some, nil
}

// awaitDue waits until a visit is due and returns the time its latency counts from. If a user is late because
// an earlier visit took long, latency counts from the due time; the lateness of a timer does not count.
func (u *user) awaitDue(due int64) int64 {
	now := u.now()
	if now >= due {
		return due
	}
	u.waiter.Wait(time.Duration(due - now))
	return u.now()
}
