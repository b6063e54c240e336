// Package ideal computes what a perfect store would reach: it replays a tape in virtual time, against one lock for all sessions or
// one lock per session, on a number of processors, with given costs of the operations. There is no I/O and no goroutine, and
// equal inputs give equal results.
package ideal

import (
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// Locks is which operations of a perfect store exclude each other. Its locks are granted in the order of the requests, and cost
// nothing.
type Locks uint8

// The kinds of perfect stores.
const (
	PerSession Locks = iota // operations on one session exclude each other
	OneLock                 // all operations do
)

// Model is what users do, and on what. Times are in nanoseconds.
type Model struct {
	Tape       *scenarios.Tape
	Own        int // slots of each user's own sessions; 0: all users have the same sessions
	Locks      Locks
	Processors int          // 0: as many as are needed
	Cost       int64        // processor time of an operation, outside the lock
	Hold       func() int64 // work under the lock of the next operation that changes a session; nil: none
	Spin       bool         // the work uses a processor
	Think      int64        // open loop: before each operation of a visit but the first; closed loop: before each visit

	Arrivals *scenarios.Arrivals // of visits; nil: a closed loop
	Users    int                 // visits at a time; 0 in an open loop: as many as are needed

	From, Until int64 // the window, to which an operation belongs by its intended start
	Drain       int64 // open loop: how long after the window operations of the window are awaited
}

// Constant returns work that always takes d.
func Constant(d time.Duration) func() int64 { return func() int64 { return int64(d) } }

// Outcome is the result of a model: that of its window.
type Outcome struct {
	Response *hdr.Histogram                   // from the intended start of an operation to its end
	Service  *hdr.Histogram                   // from the actual start to the end, the wait for the lock included
	Visits   *hdr.Histogram                   // from the arrival of a visit to its end, without think times
	Each     [scenarios.NumOps]*hdr.Histogram // Response by operation; nil: there was none
	Arrived  int64                            // visits
	Done     int64                            // operations that ended in the window
	Censored int64                            // operations that were still open when the drain was over
	Queue    int                              // the most visits that waited for a user
	Waited   [scenarios.NumOps]int64          // time in which operations waited for their locks, of those that Service has
	Took     [scenarios.NumOps]int64          // time from their actual start to the end
}

// LockWait is the share of the time of operations of a kind in which they wait for their locks.
func (o *Outcome) LockWait(op scenarios.Op) float64 {
	return float64(o.Waited[op]) / float64(max(1, o.Took[op]))
}

// OpsPerSec is the operations that ended in the window per second.
func (o *Outcome) OpsPerSec(m *Model) float64 { return float64(o.Done) * 1e9 / float64(m.Until-m.From) }

// Run replays m. The time that it takes is proportional to the number of operations; the memory to the largest number of visits at a
// time.
func Run(m Model) *Outcome { return run(m, nil) }

// run replays m and calls granted with each wait for a lock, in the order of the grants, if it is not nil.
func run(m Model, granted func(op scenarios.Op, waited int64)) *Outcome {
	s := &simulation{Model: m, granted: granted, locks: map[uint32]*resource{}, out: Outcome{
		Response: result.NewHistogram(), Service: result.NewHistogram(), Visits: result.NewHistogram(),
	}}
	s.processors.free = m.Processors
	if m.Arrivals != nil {
		s.expect()
	} else {
		for u := range m.Users {
			s.begin(s.newVisit(u, m.Tape.Start(u, m.Users)), m.Think)
		}
	}
	for len(s.events) > 0 {
		e := s.events.pop()
		if e.at >= m.Until && (s.open == 0 || m.Arrivals != nil && e.at > m.Until+m.Drain) {
			break
		}
		s.now = e.at
		if e.visit == arrival {
			s.arrive()
		} else {
			s.advance(e.visit)
		}
	}
	s.out.Censored = s.open
	return &s.out
}

// simulation is a replay: visits that go from event to event.
type simulation struct {
	Model
	out        Outcome
	granted    func(op scenarios.Op, waited int64)
	now        int64
	events     events
	sequence   uint64
	visits     []visit
	unused     []int32 // of visits
	processors resource
	locks      map[uint32]*resource // by slot
	queue      queue[int64]         // arrivals that wait for a user
	next       int                  // on the tape: the first operation of the next arrival's visit
	open       int64                // operations of the window that have not ended
}

// visit is a visit that has a user.
type visit struct {
	user     int   // closed loop
	at       int   // index of the current operation on the tape
	left     int   // operations after it
	arrival  int64 // closed loop: the start
	thought  int64 // think time since then
	intended int64 // start of the current operation
	started  int64
	asked    int64 // when it asked for the lock
	waited   int64 // for the lock
	step     step
}

// step is what a visit does when it has got what it waited for: time, a processor or a lock.
type step uint8

const (
	start   step = iota // the operation starts
	compute             // on a processor, for Cost
	ask                 // for the lock
	hold                // the lock: wait for Hold, or for a processor
	work                // under the lock on a processor, for Hold
	leave               // the lock
)

// expect plans the next arrival.
func (s *simulation) expect() { s.at(s.Arrivals.Next(), arrival) }

// at plans an event.
func (s *simulation) at(t int64, visit int32) {
	s.sequence++
	s.events.push(event{t, s.sequence, visit})
}

// contains reports whether a time lies in the window.
func (s *simulation) contains(t int64) bool { return t >= s.From && t < s.Until }

// arrive has a visit arrive now.
func (s *simulation) arrive() {
	s.expect()
	if s.contains(s.now) {
		s.out.Arrived++
		s.open++
	}
	if s.Users > 0 && len(s.visits)-len(s.unused) == s.Users {
		s.queue.push(s.now)
		s.out.Queue = max(s.out.Queue, s.queue.len())
		return
	}
	s.serve(s.now)
}

// serve starts the visit of an arrival.
func (s *simulation) serve(arrival int64) {
	v := s.newVisit(0, s.next)
	if s.next += s.Tape.Visit; s.next == len(s.Tape.Ops) {
		s.next = 0
	}
	s.visits[v].arrival, s.visits[v].intended = arrival, arrival
	s.advance(v)
}

// newVisit returns a visit whose first operation is at an index on the tape.
func (s *simulation) newVisit(user, at int) int32 {
	v := int32(len(s.visits))
	if n := len(s.unused); n > 0 {
		v, s.unused = s.unused[n-1], s.unused[:n-1]
	} else {
		s.visits = append(s.visits, visit{})
	}
	s.visits[v] = visit{user: user, at: at, left: s.Tape.Visit - 1}
	return v
}

// begin starts the next operation of a visit after a pause.
func (s *simulation) begin(v int32, pause int64) {
	of := &s.visits[v]
	of.step, of.intended = start, s.now+pause
	if of.left == s.Tape.Visit-1 {
		of.arrival = of.intended
	} else {
		of.thought += pause
	}
	if s.contains(of.intended) {
		s.open++
	}
	s.at(of.intended, v)
}

// advance does the steps of a visit until one takes time.
func (s *simulation) advance(v int32) {
	for more := true; more; {
		more = s.step(v)
	}
}

// step does one step, and reports whether the visit can go on at once.
func (s *simulation) step(v int32) bool {
	of := &s.visits[v]
	op := s.Tape.Ops[of.at]
	switch of.step {
	case start:
		of.started = s.now
		if of.step = ask; s.Cost == 0 {
			return true
		}
		of.step = compute
		return s.processor(v)
	case compute:
		of.step = ask
		s.at(s.now+s.Cost, v)
		return false
	case ask:
		if s.Cost > 0 {
			s.freeProcessor()
		}
		of.asked, of.step = s.now, hold
		return s.lock(of, op).acquire(v)
	case hold:
		if s.granted != nil {
			s.granted(op.Op(), s.now-of.asked)
		}
		of.waited = s.now - of.asked
		switch of.step = leave; {
		case !s.holds(op):
			return true
		case s.Spin:
			of.step = work
			return s.processor(v)
		}
		s.at(s.now+s.Hold(), v)
		return false
	case work:
		of.step = leave
		s.at(s.now+s.Hold(), v)
		return false
	}
	if s.Spin && s.holds(op) {
		s.freeProcessor()
	}
	s.resume(s.lock(of, op).release())
	s.ended(v, op.Op())
	return false
}

// holds reports whether an operation works under the lock.
func (s *simulation) holds(op scenarios.TapeOp) bool {
	return s.Hold != nil && op.Op().Does(scenarios.Mutates)
}

// processor reports whether a visit has a processor at once.
func (s *simulation) processor(v int32) bool {
	return s.Processors == 0 || s.processors.acquire(v)
}

func (s *simulation) freeProcessor() {
	if s.Processors > 0 {
		s.resume(s.processors.release())
	}
}

// resume has a visit go on, now, that has got what it waited for.
func (s *simulation) resume(v int32, waits bool) {
	if waits {
		s.at(s.now, v)
	}
}

// lock returns the lock of an operation.
func (s *simulation) lock(of *visit, op scenarios.TapeOp) *resource {
	key := uint32(0)
	if s.Locks == PerSession {
		key = uint32(of.user*s.Own) + op.Slot()
	}
	l := s.locks[key]
	if l == nil {
		l = &resource{free: 1}
		s.locks[key] = l
	}
	return l
}

// ended records the end of an operation, and starts the next.
func (s *simulation) ended(v int32, op scenarios.Op) {
	of := &s.visits[v]
	if s.now > s.From && s.now <= s.Until {
		s.out.Done++
	}
	if s.contains(of.intended) {
		s.open--
		if s.out.Each[op] == nil {
			s.out.Each[op] = result.NewHistogram()
		}
		record(s.out.Each[op], s.now-of.intended)
		record(s.out.Response, s.now-of.intended)
		record(s.out.Service, s.now-of.started)
		s.out.Waited[op] += of.waited
		s.out.Took[op] += s.now - of.started
	}
	if of.left > 0 {
		of.left--
		of.at++
		pause := s.Think
		if s.Arrivals == nil {
			pause = 0
		}
		s.begin(v, pause)
		return
	}
	if s.contains(of.arrival) {
		record(s.out.Visits, s.now-of.arrival-of.thought)
	}
	if s.Arrivals != nil {
		s.unused = append(s.unused, v)
		if s.queue.len() > 0 {
			s.serve(s.queue.pop())
		}
		return
	}
	if of.at++; of.at == len(s.Tape.Ops) {
		of.at = 0
	}
	of.left, of.thought = s.Tape.Visit-1, 0
	s.begin(v, s.Think)
}

func record(h *hdr.Histogram, ns int64) { _ = h.RecordValue(min(ns, result.MaxLatencyNs)) }
