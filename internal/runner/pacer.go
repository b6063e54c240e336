package runner

import (
	"math/rand/v2"
	"time"

	"github.com/sessbench/sessbench/internal/wait"
	"github.com/sessbench/sessbench/reports/result"
)

// pacer is when a user acts and how long it waits: the entry into the window, pauses, holds, due times.
type pacer struct {
	waiter   *wait.Waiter  // of holds and pauses; nil: there are none
	arrival  *wait.Waiter  // of arrivals; nil: a closed loop
	spun     time.Duration // what the waiters had spent when the window opened
	inWindow bool          // the window has opened
	wake     int64         // when enterWindow has something to do
	finished int64         // the clock when the last operation ended
}

// spent is the processor time that the waiters have spent polling.
func (p *pacer) spent() (spent time.Duration) {
	for _, w := range []*wait.Waiter{p.waiter, p.arrival} {
		if w != nil {
			spent += w.Spun()
		}
	}
	return spent
}

// enterWindow has the process's counters read when the window opens and flushes a batch of times that is nearly full, and returns the
// time after that, and after what nextInterval did. Else it returns t.
func (u *user) enterWindow(t int64) int64 {
	if t < u.wake {
		return t
	}
	return u.woken(t)
}

func (u *user) woken(t int64) int64 {
	from := u.trial.phases.from
	if u.stats.times.nearlyFull() {
		u.stats.times.flush(result.Point{})
	}
	if u.wake = forever; t < from {
		u.wake = from
	} else if !u.inWindow {
		u.inWindow = true
		u.trial.meter.read(&u.trial.meter.opened)
		u.spun = u.spent()
	}
	return u.trial.phases.now()
}

// finish notes when u's last operation ended.
func (u *user) finish(t int64) {
	u.finished = t
	u.progress.Add(1)
	if t >= u.trial.phases.until {
		u.trial.meter.read(&u.trial.meter.closed)
	}
}

// pause waits between visits. The first pause is cut at random, so that the users do not pause at the same time, and the last one of a
// turn at its end.
func (u *user) pause(t int64) int64 {
	phases, p := &u.trial.phases, &u.stats.pauses
	pause := u.trial.setup.pause
	whole := p.begun > 0
	if !whole {
		rng := rand.New(rand.NewPCG(u.trial.setup.seed, uint64(u.number())))
		pause = time.Duration(rng.Int64N(int64(pause)) + 1)
	}
	rest := time.Duration(min(phases.until, u.leaves) - t)
	whole = whole && pause <= rest
	u.waiter.Wait(min(pause, rest))
	end := phases.now()
	p.begun++
	u.stats.paused(phases, t, end, whole)
	return end
}

// work is done under the lock of each of this user's updates. An actor may run it on a goroutine of its own, while this
// user waits. After an abort hold is a no-op, so queued users drain quickly.
func (u *user) work() {
	tr := u.trial
	phases := &tr.phases
	start := phases.now()
	switch {
	case tr.end.stopped.Load():
	case tr.setup.hold > 0:
		u.waiter.Wait(tr.setup.hold)
	default:
		tr.setup.work()
	}
	end := phases.now()
	u.progress.Add(1)
	h := &u.stats.holds
	h.last = phases.overlap(start, end)
	if phases.contains(end) {
		h.n++
		h.heldFor += end - start
		h.waitedFor += start - u.opStart
		if h.timed {
			u.stats.times.add(holdTimes, end-start)
		}
	}
}

// replay does this user's share of recorded traffic, as fast as possible. A probe of the harness, which has no first visit, repeats it until
// the window closes.
func (u *user) replay() error {
	tr := u.trial
	for {
		t, some, err := u.replayOnce()
		if err != nil || !some || !tr.unaudited || !tr.setup.timed() || t >= tr.phases.until {
			u.finish(t)
			return err
		}
		for i, share := range u.shares {
			u.shares[i] = share.Again()
		}
	}
}

// replayOnce goes through the log once and returns the time after it, and whether there was anything to do.
func (u *user) replayOnce() (t int64, some bool, err error) {
	tr := u.trial
	t = tr.phases.now()
	for _, share := range u.shares {
		for t < tr.phases.until && !tr.end.stopped.Load() {
			_, next, ok := share.Next()
			if !ok {
				break
			}
			t = u.enterWindow(tr.phases.now()) // reading the log is no part of the operation
			if next.Start() {
				u.progress.Add(1)
				if t >= tr.phases.from {
					u.stats.visits++
				}
			}
			t, _ = u.timed(t, t, next)
			some = true
		}
		if err := share.Err(); err != nil {
			return t, some, err
		}
	}
	return t, some, nil
}
