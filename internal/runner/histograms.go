package runner

import (
	"runtime"
	"sync"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// histograms are the times that all users of a trial have recorded. Users add batches to a few stripes, each of which counts the
// times of two intervals of the series; from there they are moved to the series and to the totals. Safe for concurrent use.
type histograms struct {
	stripes []stripe
	series  *series // nil: none, and before the barrier

	mu       sync.Mutex
	totals   [numTimes]counts // without what is in stripes; nil: there was no such time
	censored [numTimes]*result.Censored
}

// stripe is the times that some users have added.
type stripe struct {
	mu    sync.Mutex
	parts [2]stripePart // of two intervals, in any order
	_     [64]byte
}

// stripePart is the times of an interval that a stripe has.
type stripePart struct {
	interval int64
	times    int64
	counts   [numTimes]*stripeCounts // nil: there was no such time yet
	point    result.Point            // operations, errors, censored operations
}

// stripeCounts is a histogram with the slots of an [entry].
type stripeCounts [numSlots]uint32

const (
	maxStripes = 16
	// maxPart is how many times a part may have, so that no count overflows.
	maxPart = 1 << 31
)

// newHistograms returns histograms with room for times of some kinds, so that the window allocates little.
func newHistograms(kinds []timeOf) *histograms {
	// Twice as many as processors: a user whose stripe is in use finds another one.
	h := &histograms{stripes: make([]stripe, min(maxStripes, 2*runtime.GOMAXPROCS(0)))}
	for _, of := range kinds {
		h.totals[of] = newCounts()
		for i := range h.stripes {
			for j := range h.stripes[i].parts {
				h.stripes[i].parts[j].counts[of] = new(stripeCounts)
			}
		}
	}
	return h
}

// add adds the times of a batch, and more to the series' point of their interval.
func (h *histograms) add(b *batch, more result.Point) {
	if b.n == 0 && more == (result.Point{}) {
		return // so that a series ends with the last operation
	}
	s := h.lock(b.user)
	defer s.mu.Unlock()
	p := s.part(h, b.interval)
	if p == nil {
		h.addLate(b, &more)
		return
	}
	for _, e := range b.entries[:b.n] {
		c := p.counts[e.of()]
		if c == nil {
			c = new(stripeCounts)
			p.counts[e.of()] = c
		}
		c[e.slot()]++
	}
	p.point.Add(&more)
	if p.times += int64(b.n); p.times > maxPart {
		h.move(p)
	}
}

// lock locks a stripe, that of a user if it is free. It never blocks: a wait would be one for a store's locks in what the process measures.
func (h *histograms) lock(user int) *stripe {
	for i := 0; ; i++ {
		if s := &h.stripes[(user+i)%len(h.stripes)]; s.mu.TryLock() {
			return s
		}
		if i >= len(h.stripes) {
			runtime.Gosched()
		}
	}
}

// part returns the part of an interval. A later interval takes the place of the earlier one of the two; for one before both there is none.
func (s *stripe) part(h *histograms, interval int64) *stripePart {
	older, newer := &s.parts[0], &s.parts[1]
	if older.interval > newer.interval {
		older, newer = newer, older
	}
	switch {
	case interval == newer.interval:
		return newer
	case interval == older.interval:
		return older
	case interval < older.interval:
		return nil
	}
	h.move(older)
	older.interval = interval
	return older
}

// move moves the times of a part to the totals and to the series.
func (h *histograms) move(p *stripePart) {
	if p.times == 0 && p.point == (result.Point{}) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series.take(p.interval, &p.point, func(of timeOf, latencies counts) {
		if c := p.counts[of]; c != nil && p.times > 0 {
			c.moveTo(h.total(of), latencies)
		}
	})
	p.times, p.point = 0, result.Point{}
}

// addLate adds a batch of an interval before those of its stripe to the totals and to the series.
func (h *histograms) addLate(b *batch, more *result.Point) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.series.take(b.interval, more, func(of timeOf, latencies counts) {
		for _, e := range b.entries[:b.n] {
			if e.of() != of {
				continue
			}
			h.total(of)[e.slot()]++
			if latencies != nil {
				latencies[e.slot()]++
			}
		}
	})
}

// total returns the total of a kind. The caller has locked mu.
func (h *histograms) total(of timeOf) counts {
	if h.totals[of] == nil {
		h.totals[of] = newCounts()
	}
	return h.totals[of]
}

// censor counts a time that goes on after ns.
func (h *histograms) censor(of timeOf, ns int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.censored[of] = h.censored[of].Add(&result.Censored{Count: 1, LeastNs: ns})
}

// settle moves what the stripes have.
func (h *histograms) settle() {
	for i := range h.stripes {
		s := &h.stripes[i]
		s.mu.Lock()
		for j := range s.parts {
			h.move(&s.parts[j])
		}
		s.mu.Unlock()
	}
}

// addTotal adds the times of a kind that have been moved to c.
func (h *histograms) addTotal(of timeOf, c counts) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, n := range h.totals[of] {
		c[i] += n
	}
}

// sum returns the times of some kinds that have been moved.
func (h *histograms) sum(kinds ...timeOf) *sum {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := &sum{histogram: result.NewSum()}
	var present []counts
	for _, of := range kinds {
		if h.totals[of] != nil {
			present = append(present, h.totals[of])
		}
		s.censored = s.censored.Add(h.censored[of])
	}
	if len(present) == 0 {
		return s
	}
	for i := range uint64(numSlots) { // in ascending order: the histogram grows at its end
		var n uint64
		for _, c := range present {
			n += c[i]
		}
		if n > 0 {
			_ = s.histogram.RecordValues(value(i), int64(n)) // in range by construction
		}
	}
	return s
}

// moveTo adds the counts to totals, and to latencies unless that is nil, and clears them.
func (c *stripeCounts) moveTo(totals, latencies counts) {
	const page = 128 // compared at once
	for at := 0; at < numSlots; at += page {
		some := (*[page]uint32)(c[at:])
		if *some == ([page]uint32{}) {
			continue
		}
		for i, n := range some {
			if n > 0 {
				totals[at+i] += uint64(n)
				if latencies != nil {
					latencies[at+i] += uint64(n)
				}
			}
		}
		clear(some[:])
	}
}

// counts is a histogram with the slots of an [entry], for any number of times.
type counts []uint64

func newCounts() counts { return make(counts, numSlots) }

// addTo adds the counts to h.
func (c counts) addTo(h interface{ RecordValues(v, n int64) error }) {
	for i, n := range c {
		if n > 0 {
			_ = h.RecordValues(value(uint64(i)), int64(n)) // in range by construction
		}
	}
}

// times returns the kinds of times that most trials record, to make room for them before the window.
func (s *setup) times() (kinds []timeOf) {
	for _, op := range s.scenario.Ops() {
		kinds = append(kinds, responseOf(op))
		if s.open() {
			kinds = append(kinds, serviceOf(op))
		}
		if s.scenario.Sweeps() {
			kinds = append(kinds, responseOf(op+scenarios.NumOps))
		}
	}
	if s.open() {
		kinds = append(kinds, startDelays, visitTimes)
	}
	if s.pause > 0 {
		kinds = append(kinds, pauseTimes)
	}
	if s.scenario.Hold > 0 && !s.scenario.Spin {
		kinds = append(kinds, holdTimes)
	}
	return kinds
}
