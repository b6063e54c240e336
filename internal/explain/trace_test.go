package explain

import (
	"testing"

	"golang.org/x/exp/trace"
)

// events feeds events of goroutine 7, user 0, to a tracer, and returns the trace. The run's clock is that of the trace.
func events(t *testing.T, list ...func(at trace.Time) (trace.Event, error)) *Trace {
	t.Helper()
	d := &tracer{goroutines: map[trace.GoID]*goroutine{}, hellos: map[int]Reading{0: {0, 0}}, least: 0, most: 0}
	d.of(7).user = 0
	for i, event := range list {
		e, err := event(trace.Time(100 * (i + 1)))
		if err != nil {
			t.Fatal(err)
		}
		d.event(&e)
	}
	return d.trace(2)
}

func state(from, to trace.GoState, reason string) func(trace.Time) (trace.Event, error) {
	return func(at trace.Time) (trace.Event, error) {
		s := trace.MakeGoStateTransition(7, from, to)
		s.Reason = reason
		return trace.MakeEvent(trace.EventConfig[trace.StateTransition]{Kind: trace.EventStateTransition, Time: at, Goroutine: 7, Details: s})
	}
}

func assist(kind trace.EventKind) func(trace.Time) (trace.Event, error) {
	return func(at trace.Time) (trace.Event, error) {
		return trace.MakeEvent(trace.EventConfig[trace.Range]{Kind: kind, Time: at, Goroutine: 7, Details: trace.Range{
			Name: "GC mark assist", Scope: trace.MakeResourceID(trace.GoID(7)),
		}})
	}
}

// A range that is active when a generation of the trace begins is repeated there, and ends once. A goroutine that waits for a processor in an assist
// waits for a processor.
func TestAssists(t *testing.T) {
	tr := events(t,
		state(trace.GoRunnable, trace.GoRunning, ""),          // 100
		assist(trace.EventRangeBegin),                         // 200
		assist(trace.EventRangeActive),                        // 300
		assist(trace.EventRangeActive),                        // 400
		state(trace.GoRunning, trace.GoRunnable, "preempted"), // 500
		state(trace.GoRunnable, trace.GoRunning, ""),          // 600
		assist(trace.EventRangeEnd),                           // 700
		state(trace.GoRunning, trace.GoWaiting, "sync"),       // 800
		state(trace.GoWaiting, trace.GoRunnable, ""),          // 900
		state(trace.GoRunnable, trace.GoRunning, ""),          // 1000
		state(trace.GoRunning, trace.GoRunnable, "runtime.Gosched"),
		state(trace.GoRunnable, trace.GoRunning, ""), // 1200
	)
	sums := map[State]int64{}
	for _, s := range tr.Users[0] {
		sums[s.State] += s.To - s.From
	}
	if sums[Collecting] != 400 || sums[Running] != 300 || sums[Runnable] != 200 || sums[Blocked] != 100 || sums[Yielded] != 100 {
		t.Errorf("%v: %v", sums, tr.Users[0])
	}
}
