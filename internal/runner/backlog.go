package runner

import (
	"time"

	"github.com/sessbench/sessbench/reports/result"
)

// backlog is the visits of an open loop over time: those that have arrived and not ended. It is sampled at equal distances; when there
// are many samples, every second one is dropped, so that a trial of any length has the same number of them.
type backlog struct {
	interval time.Duration
	samples  []backlogSample
}

// backlogSample is the backlog at a time of the trial's clock.
type backlogSample struct {
	at      int64
	waiting int64 // for a user
	open    int64 // arrived and not ended
}

const (
	maxBacklog   = 1024
	leastBacklog = 2 * time.Millisecond
)

// sampleBacklog samples the backlog in the window until quit is closed.
func (tr *trial) sampleBacklog(quit <-chan struct{}) *backlog {
	until := tr.arrivals.until
	b := &backlog{interval: max(leastBacklog, time.Duration(until-tr.phases.from)/maxBacklog)}
	// A stream of its own counts the arrivals, so that users need not.
	stream, next, arrived := tr.setup.visits(), arrival{}, int64(0)
	stream.next(&next)
	tick := time.NewTicker(b.tick())
	defer tick.Stop()
	nextSample := int64(0)
	for {
		select {
		case <-tick.C:
		case <-quit:
			return b
		}
		now := tr.phases.now()
		if now >= until {
			return b
		}
		started, ended, held := tr.arrivals.count()
		for ; next.due <= now; stream.next(&next) {
			arrived++
		}
		if now < tr.phases.from {
			continue
		}
		sample := backlogSample{now, max(0, arrived-started-held), max(0, arrived-ended)}
		tr.series.note(now, func(p *result.Point) {
			p.Queue, p.Open = max(p.Queue, sample.waiting), max(p.Open, sample.open)
		})
		if now < nextSample {
			continue
		}
		b.samples = append(b.samples, sample)
		if len(b.samples) == maxBacklog {
			b.thin()
			tick.Reset(b.tick())
		}
		nextSample = now + int64(b.interval-b.tick())
	}
}

// tick is the distance at which the backlog is looked at: that of the samples, or less, for the series.
func (b *backlog) tick() time.Duration { return min(b.interval, shortInterval) }

// thin drops every second sample.
func (b *backlog) thin() {
	kept := b.samples[:0]
	for i := 1; i < len(b.samples); i += 2 {
		kept = append(kept, b.samples[i])
	}
	b.samples, b.interval = kept, 2*b.interval
}

// count returns how many visits have started and ended, and how many are held.
func (a *arrivals) count() (started, ended, held int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.started, a.ended, int64(a.order.held)
}

// growth is how many visits the backlog grew by in the window: the mean of its last fifth less that of its first, from middle to
// middle, as much as that would be in the whole window. longest is the most visits that waited for a user.
func (b *backlog) growth() (growth float64, longest int64) {
	mean := func(samples []backlogSample) float64 {
		sum := int64(0)
		for _, s := range samples {
			sum += s.open
		}
		return float64(sum) / float64(len(samples))
	}
	for _, s := range b.samples {
		longest = max(longest, s.waiting)
	}
	if n := len(b.samples) / 5; n > 0 {
		growth = (mean(b.samples[len(b.samples)-n:]) - mean(b.samples[:n])) * 5 / 4
	}
	return growth, longest
}
