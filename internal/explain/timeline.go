package explain

import "sort"

// State is what a goroutine does.
type State uint8

// The states.
const (
	Running    State = iota // on a processor, in system calls too
	Runnable                // waiting for a processor
	Yielded                 // the same, after it gave its processor up: a loop that polls does
	Blocked                 // waiting for something else: a lock, a channel, a timer, the network
	Collecting              // assisting the garbage collector, on a processor or waiting for one
)

// Span is a time in which a goroutine is in one state, in nanoseconds on the run's clock.
type Span struct {
	From, To int64
	State    State
}

// Timeline is the spans of one goroutine, by time. There may be gaps.
type Timeline []Span

// Level is a number that changes with time: how many processors the garbage collector has, or whether the world is stopped.
type Level struct {
	at    []int64   // when it changes, ascending
	value []float64 // from then on
	area  []float64 // its integral up to then
}

// set changes the level at a time that is no earlier than the change before.
func (l *Level) set(at int64, value float64) {
	area := 0.
	if n := len(l.at); n > 0 {
		at = max(at, l.at[n-1])
		area = l.area[n-1] + l.value[n-1]*float64(at-l.at[n-1])
	}
	l.at, l.value, l.area = append(l.at, at), append(l.value, value), append(l.area, area)
}

// integral returns the integral from the first change up to t.
func (l *Level) integral(t int64) float64 {
	i := sort.Search(len(l.at), func(i int) bool { return l.at[i] > t }) - 1
	if i < 0 {
		return 0
	}
	return l.area[i] + l.value[i]*float64(t-l.at[i])
}

// over returns the integral over a time.
func (l *Level) over(from, to int64) float64 {
	if len(l.at) == 0 || to <= l.at[0] {
		return 0
	}
	return l.integral(to) - l.integral(from)
}
