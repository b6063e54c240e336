package runner

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// series is a trial over time, in intervals. A user records an operation as if there were none, into its own batch. When one has
// ended beyond the interval of those before it, the user first adds these to the trial's histograms, and with them what it has counted:
// once an interval, not once an operation. What a user that is parked or blocked has recorded waits with it, and is added to the
// interval in which it ended.
type series struct {
	from  int64 // the window
	until int64 // its end
	limit int64 // what ended later counts as ended then

	unit int64 // the length of an interval at first; users count intervals of this length

	mu        sync.Mutex
	most      int   // intervals; when there are more, neighbours are merged
	length    int64 // of an interval
	intervals []interval
	live      []*liveInterval // whose latencies are not packed; the last one used comes last
	sums      result.Point    // operations and errors in all intervals
	room      []byte          // for packed latencies
}

// interval is what happened in an interval.
type interval struct {
	point  result.Point // without percentiles
	packed []byte       // latencies; see counts.pack
}

// liveInterval is the latencies of the interval at an index, besides those that are packed.
type liveInterval struct {
	at        int
	latencies counts
}

const (
	maxIntervals = 3600
	maxLive      = 4 // the present interval, the last one, and those of users that were late
	packedRoom   = 64 << 10

	shortInterval = 100 * time.Millisecond
	longInterval  = time.Second // of windows of longWindow and more
	longWindow    = 10 * time.Second

	// moveCost is the processor time of moving what a user has recorded, for which an interval has a hundredth of its length, for all
	// users of a closed loop on one processor.
	moveCost = time.Microsecond / 4
)

// openSeries begins the series of the trial, whose phases are set.
func (tr *trial) openSeries() {
	s := &tr.setup
	if !s.series || tr.slices != nil { // between time slices the clock stands still
		return
	}
	length, window := shortInterval, s.window
	if s.traffic != nil && s.open() {
		window = s.span()
	}
	if window >= longWindow {
		length = longInterval
	}
	for !s.open() && length < 100*moveCost*time.Duration(s.scenario.Users) || (window+s.drain)/length >= maxIntervals {
		length *= 2
	}
	tr.series = newSeries(&tr.phases, length, maxIntervals)
	if tr.arrivals != nil {
		tr.series.until = tr.arrivals.until
	}
	tr.times.series = tr.series
	tr.unserved.times.interval = tr.series.indexOf(tr.phases.limit - 1)
}

func newSeries(p *phases, length time.Duration, most int) *series {
	s := &series{from: p.from, until: p.until, limit: p.limit, most: most, unit: int64(length), length: int64(length)}
	for range maxLive {
		s.live = append(s.live, &liveInterval{at: -1, latencies: newCounts()})
	}
	s.room = make([]byte, 0, packedRoom)
	return s
}

// moved is what a user has added to the points of the series.
type moved struct{ ops, errors, censored int64 }

// nextInterval adds what the user has recorded to the trial's histograms, before it records an operation that ended at end. The time that
// this takes is no part of the operation that follows in a closed loop.
func (u *user) nextInterval(end int64) {
	s, b := u.trial.series, &u.stats.times
	if s == nil {
		u.intervalEnd = forever
		return
	}
	if u.intervalEnd > 0 {
		u.stats.addInterval()
	}
	b.interval = s.indexOf(end)
	u.intervalEnd = s.from + (b.interval+1)*s.unit
	if end >= s.limit {
		u.intervalEnd = forever
	}
	u.wake = 0
}

// addInterval adds what a user has recorded in an interval to the trial's histograms.
func (s *userStats) addInterval() {
	var now moved
	for kind := range s.ops {
		op := &s.ops[kind]
		now.ops += op.done
		now.errors += op.failed
		now.censored += op.censored
	}
	last := s.moved
	s.times.flush(result.Point{Ops: now.ops - last.ops, Errors: now.errors - last.errors, Censored: now.censored - last.censored})
	s.moved = now
}

// indexOf returns the index of the interval, of the length at first, that operations which ended at a time belong to.
func (s *series) indexOf(at int64) int64 { return (max(s.from, min(at, s.limit-1)) - s.from) / s.unit }

// index returns the index of the interval that at belongs to, without regard to how many there are.
func (s *series) index(at int64) int64 { return (at - s.from) / s.length }

// interval returns the interval that a time belongs to, and its index.
func (s *series) interval(at int64) (of *interval, i int) {
	for s.index(at) >= int64(s.most) {
		s.thin()
	}
	i = int(s.index(at))
	for len(s.intervals) <= i {
		s.intervals = append(s.intervals, interval{})
	}
	return &s.intervals[i], i
}

// take adds p to the interval with an index of [series.indexOf], and calls add with each kind of time and with the latencies of that
// interval, to which it adds those that it has of this kind: nil, if the kind is none of the series. A nil series has none.
func (s *series) take(index int64, p *result.Point, add func(of timeOf, latencies counts)) {
	if s == nil {
		for of := range numTimes {
			add(of, nil)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of, i := s.interval(s.from + index*s.unit)
	of.point.Add(p)
	for kind := range numTimes {
		if op, response := kind.op(); response && op != scenarios.Sweep {
			add(kind, s.latencies(i))
		} else {
			add(kind, nil)
		}
	}
	s.sums.Ops += p.Ops
	s.sums.Errors += p.Errors
}

// latencies returns where the latencies of the interval at i are counted.
func (s *series) latencies(i int) counts {
	last := len(s.live) - 1
	if s.live[last].at == i {
		return s.live[last].latencies
	}
	at := max(0, slices.IndexFunc(s.live, func(l *liveInterval) bool { return l.at == i }))
	l := s.live[at]
	copy(s.live[at:], s.live[at+1:])
	s.live[last] = l
	if l.at != i {
		s.pack(l)
		l.at = i
	}
	return l.latencies
}

// pack packs the latencies of an interval, and leaves l without any.
func (s *series) pack(l *liveInterval) {
	if l.at < 0 {
		return
	}
	of := &s.intervals[l.at]
	l.latencies.unpack(of.packed)
	of.packed = s.packed(l.latencies)
	l.at = -1
}

// packed packs c, which is empty afterwards.
func (s *series) packed(c counts) []byte {
	if cap(s.room)-len(s.room) < packedRoom/4 {
		s.room = make([]byte, 0, packedRoom)
	}
	start := len(s.room)
	s.room = c.pack(s.room)
	return s.room[start:len(s.room):len(s.room)]
}

// thin merges neighbours, so that intervals are twice as long.
func (s *series) thin() {
	for _, l := range s.live {
		s.pack(l)
	}
	s.room = nil // so that nothing keeps what is packed anew
	both := s.live[0].latencies
	for i := 0; i < len(s.intervals); i += 2 {
		sum := s.intervals[i]
		both.unpack(sum.packed)
		if i+1 < len(s.intervals) {
			of := &s.intervals[i+1]
			both.unpack(of.packed)
			sum.point.Add(&of.point)
			sum.point.Queue = max(sum.point.Queue, of.point.Queue)
			sum.point.Open = max(sum.point.Open, of.point.Open)
		}
		sum.packed = s.packed(both)
		s.intervals[i/2] = sum
	}
	s.intervals = s.intervals[:(len(s.intervals)+1)/2]
	s.length *= 2
}

// note adds to the interval of now what add does. A nil series, and times outside the window, have none.
func (s *series) note(now int64, add func(p *result.Point)) {
	if s == nil || now < s.from || now >= s.until {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of, _ := s.interval(now)
	add(&of.point)
}

// endTimes adds to the trial's histograms what the users have left, after all of them have ended.
func (tr *trial) endTimes() {
	left := tr.measured()
	// In order, so that an interval is packed once.
	slices.SortFunc(left, func(a, b *userStats) int { return cmp.Compare(a.times.interval, b.times.interval) })
	for _, stats := range left {
		stats.addInterval()
	}
	tr.times.settle()
}

// result returns the series for the document.
func (s *series) result() *result.Series {
	if s.until != forever {
		s.interval(s.until - 1)
	}
	for _, l := range s.live {
		s.pack(l)
	}
	of := &result.Series{IntervalNs: s.length, Points: make([]result.Point, len(s.intervals))}
	c, h := s.live[0].latencies, result.NewSum()
	for i := range s.intervals {
		p := s.intervals[i].point
		h.Reset()
		c.unpack(s.intervals[i].packed)
		c.addTo(h)
		clear(c)
		l := result.LatencyOf(h)
		p.Latencies, p.P50, p.P99, p.Max = l.Count, l.P50, l.P99, l.Max
		of.Points[i] = p
	}
	return of
}

// pack appends the counts to b and clears them. For each slot that has one, these are the distance from the last such slot and the
// count, a byte or two each.
func (c counts) pack(b []byte) []byte {
	last := 0
	for i, n := range c {
		if n > 0 {
			b = binary.AppendUvarint(b, uint64(i-last))
			b = binary.AppendUvarint(b, n)
			last, c[i] = i, 0
		}
	}
	return b
}

// unpack adds packed counts.
func (c counts) unpack(b []byte) {
	for at := 0; len(b) > 0; {
		distance, n := binary.Uvarint(b)
		count, m := binary.Uvarint(b[n:])
		at += int(distance)
		c[at] += count
		b = b[n+m:]
	}
}
