package explain

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/exp/trace"
)

// Category is that of the messages in the trace, one of each user's goroutine, with the format [Hello].
const (
	Category = "sessbench"
	Hello    = "user %d"
)

// Reading is the run's clock directly before and after a user's goroutine wrote its message into the trace, in nanoseconds.
type Reading struct{ Before, After int64 }

// Trace is what the users and the garbage collector did.
type Trace struct {
	Users      map[int]Timeline
	Stopped    Level // 1 while the world is stopped
	Collecting Level // processors that the garbage collector has
	Processors int
}

// ReadTrace reads an execution trace in which each user has written a [Hello] between two readings of the run's clock. Each of them bounds
// the difference between that clock and the trace's; the middle of what all of them leave is taken.
func ReadTrace(r io.Reader, hellos map[int]Reading, processors int) (*Trace, error) {
	events, err := trace.NewReader(r)
	if err != nil {
		return nil, err
	}
	d := &tracer{goroutines: map[trace.GoID]*goroutine{}, hellos: hellos, least: math.MinInt64, most: math.MaxInt64}
	for {
		e, err := events.ReadEvent()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		d.event(&e)
	}
	return d.trace(processors), nil
}

// tracer puts a trace together. Times are those of the trace.
type tracer struct {
	goroutines map[trace.GoID]*goroutine
	stopped    Level
	collecting Level
	collectors int // goroutines of the collector that run
	hellos     map[int]Reading
	least      int64 // difference between the clocks
	most       int64
	last       int64
}

// goroutine is a goroutine's current state and, of a user, what it did before.
type goroutine struct {
	user      int // -1: of no user
	collector bool
	assists   bool // the garbage collector
	state     State
	since     int64
	alive     bool
	spans     Timeline
}

func (d *tracer) of(id trace.GoID) *goroutine {
	g := d.goroutines[id]
	if g == nil {
		g = &goroutine{user: -1}
		d.goroutines[id] = g
	}
	return g
}

func (d *tracer) event(e *trace.Event) {
	t := int64(e.Time())
	d.last = t
	switch e.Kind() {
	case trace.EventStateTransition:
		if s := e.StateTransition(); s.Resource.Kind == trace.ResourceGoroutine {
			_, to := s.Goroutine()
			d.enter(d.of(s.Resource.Goroutine()), t, to, s.Reason)
		}
	case trace.EventLabel:
		if l := e.Label(); l.Resource.Kind == trace.ResourceGoroutine && strings.HasPrefix(l.Label, "GC (") {
			g := d.of(l.Resource.Goroutine())
			if !g.collector && g.alive && g.state == Running {
				d.count(t, 1)
			}
			g.collector = true
		}
	case trace.EventLog:
		l := e.Log()
		var user int
		if n, _ := fmt.Sscanf(l.Message, Hello, &user); l.Category == Category && n == 1 {
			g, at := d.of(e.Goroutine()), d.hellos[user]
			g.user, g.since = user, t
			d.least, d.most = max(d.least, t-at.After), min(d.most, t-at.Before)
		}
	case trace.EventRangeBegin, trace.EventRangeActive: // each generation of the trace repeats the ranges that are active
		d.rangeOf(e, t, true)
	case trace.EventRangeEnd:
		d.rangeOf(e, t, false)
	}
}

// enter notes a goroutine's new state.
func (d *tracer) enter(g *goroutine, t int64, to trace.GoState, reason string) {
	was := g.alive && g.state == Running
	d.close(g, t)
	g.alive = true
	switch to {
	case trace.GoRunning, trace.GoSyscall:
		g.state = Running
	case trace.GoRunnable:
		g.state = Runnable
		if reason == "runtime.Gosched" {
			g.state = Yielded
		}
	case trace.GoWaiting:
		g.state = Blocked
	default:
		g.alive = false
	}
	if is := g.alive && g.state == Running; g.collector && is != was {
		if is {
			d.count(t, 1)
		} else {
			d.count(t, -1)
		}
	}
}

// close ends the current span of a goroutine, of which only those of users are kept.
func (d *tracer) close(g *goroutine, t int64) {
	if g.user >= 0 && g.alive && t > g.since {
		state := g.state
		if g.assists && (state == Running || state == Blocked) { // one that waits for a processor waits for it in an assist, too
			state = Collecting
		}
		g.spans = append(g.spans, Span{g.since, t, state})
	}
	g.since = t
}

func (d *tracer) count(t int64, by int) {
	d.collectors = max(0, d.collectors+by)
	d.collecting.set(t, float64(d.collectors))
}

// rangeOf notes that a range of the garbage collector is active, or has ended. Only one goroutine at a time stops the world.
func (d *tracer) rangeOf(e *trace.Event, t int64, active bool) {
	switch name := e.Range().Name; {
	case strings.HasPrefix(name, "stop-the-world"):
		value := 0.
		if active {
			value = 1
		}
		d.stopped.set(t, value)
	case name == "GC mark assist": // sweeping is part of an allocation, as in the runtime's accounts of processor time
		id := e.Goroutine()
		if scope := e.Range().Scope; scope.Kind == trace.ResourceGoroutine {
			id = scope.Goroutine()
		}
		if id == trace.NoGoroutine {
			return
		}
		g := d.of(id)
		d.close(g, t)
		g.assists = active
	}
}

// trace returns what was read, on the run's clock.
func (d *tracer) trace(processors int) *Trace {
	offset := d.least/2 + d.most/2
	tr := &Trace{Users: map[int]Timeline{}, Stopped: d.stopped, Collecting: d.collecting, Processors: processors}
	for _, l := range []*Level{&tr.Stopped, &tr.Collecting} {
		for i := range l.at {
			l.at[i] -= offset
		}
	}
	for _, g := range d.goroutines {
		if g.user < 0 {
			continue
		}
		d.close(g, d.last)
		for i := range g.spans {
			g.spans[i].From -= offset
			g.spans[i].To -= offset
		}
		tr.Users[g.user] = append(tr.Users[g.user], g.spans...)
	}
	return tr
}
