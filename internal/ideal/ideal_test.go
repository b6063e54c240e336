package ideal

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/scenarios"
)

// tapeOf returns a tape of visits of the given operations, on slots in turn.
func tapeOf(slots int, ops ...scenarios.Op) *scenarios.Tape {
	t := &scenarios.Tape{Visit: len(ops)}
	for slot := range slots {
		for i, op := range ops {
			t.Ops = append(t.Ops, scenarios.NewTapeOp(op, uint32(slot), 1, i == 0))
		}
	}
	return t
}

const second = int64(time.Second)

// poisson returns Poisson arrivals of visits of one operation.
func poisson(perSecond float64, seed uint64) *scenarios.Arrivals {
	return (&scenarios.Load{Rate: perSecond}).Arrivals(1, 0, seed, 0, 1)
}

// Lindley (1952): the wait of a visit is that of the one before, plus its service, less the time between the two arrivals, and not
// below 0.
func TestLindley(t *testing.T) {
	for _, perSecond := range []float64{500, 900, 1100} {
		for seed := range uint64(10) {
			const end = 20 * second
			var got []int64
			out := run(Model{
				Tape: tapeOf(7, scenarios.Append), Locks: OneLock, Hold: Constant(time.Millisecond),
				Arrivals: poisson(perSecond, seed), Until: end, Drain: 100 * second,
			}, func(_ scenarios.Op, waited int64) { got = append(got, waited) })
			want := []int64{0}
			arrivals := poisson(perSecond, seed)
			for last := arrivals.Next(); ; {
				next := arrivals.Next()
				if next >= end {
					break
				}
				want = append(want, max(0, want[len(want)-1]+int64(time.Millisecond)-(next-last)))
				last = next
			}
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
				t.Fatalf("%v per second, seed %d: waits differ from Lindley's", perSecond, seed)
			}
			if out.Arrived != int64(len(want)) || out.Response.TotalCount() != out.Arrived || out.Censored != 0 {
				t.Errorf("%d arrivals, %d responses, %d censored: want %d, all of them, 0", out.Arrived, out.Response.TotalCount(), out.Censored, len(want))
			}
		}
	}
}

// An M/M/1 queue: response times are exponential with mean 1/(µ−λ) (Kleinrock, Queueing Systems I, 1975, chapter 3).
func TestSingleServerQueue(t *testing.T) {
	for _, load := range []float64{0.5, 0.7} {
		const mean = 1e6 // ns
		rng := rand.New(rand.NewPCG(1, 2))
		arrivals := int64(1_000_000)
		if testing.Short() {
			arrivals /= 4
		}
		out := Run(Model{
			Tape: tapeOf(1, scenarios.Append), Hold: func() int64 { return int64(rng.ExpFloat64() * mean) },
			Arrivals: poisson(load*1e9/mean, 3), From: second, Until: second + int64(float64(arrivals)/load*mean), Drain: second,
		})
		want := mean / (1 - load)
		if got := out.Response.Mean(); math.Abs(got/want-1) > 0.03 {
			t.Errorf("load %v: mean response %.0f ns, want %.0f", load, got, want)
		}
		want *= math.Log(100)
		if got := float64(out.Response.ValueAtQuantile(99)); math.Abs(got/want-1) > 0.03 {
			t.Errorf("load %v: p99 %.0f ns, want %.0f", load, got, want)
		}
	}
}

// In a closed loop, users, processors and the lock bound the throughput.
func TestClosedLoop(t *testing.T) {
	for _, c := range []struct {
		name string
		Model
		want float64 // operations per second
		wait float64 // share of an append
	}{
		{"one lock", Model{Locks: OneLock, Users: 10}, 1000, 0.9},
		{"a lock per session", Model{Users: 10}, 10_000, 0},
		{"a lock per session, one session", Model{Tape: tapeOf(1, scenarios.Append), Users: 10}, 1000, 0.9},
		{"sessions of one user", Model{Tape: tapeOf(1, scenarios.Append), Own: 1, Users: 10}, 10_000, 0},
		{"think time", Model{Users: 10, Think: 9e6}, 1000, 0},
		{"processors", Model{Users: 10, Cost: 1e6, Processors: 2}, 2000, 0},
		{"work on processors", Model{Tape: tapeOf(1, scenarios.Append), Own: 1, Users: 10, Spin: true, Processors: 2}, 2000, 0},
		{"reads hold nothing", Model{Tape: tapeOf(1, scenarios.History, scenarios.Append), Users: 1}, 2000, 0},
	} {
		m := c.Model
		if m.Tape == nil {
			m.Tape = tapeOf(10, scenarios.Append)
		}
		m.Hold, m.From, m.Until = Constant(time.Millisecond), second, 11*second
		out := Run(m)
		if got := out.OpsPerSec(&m); math.Abs(got/c.want-1) > 0.001 {
			t.Errorf("%s: %v operations per second, want %v", c.name, got, c.want)
		}
		if got := out.LockWait(scenarios.Append); math.Abs(got-c.wait) > 0.001 {
			t.Errorf("%s: an append waits for %.3f of its time, want %v", c.name, got, c.wait)
		}
	}
}

// Above what a store can do, a queue grows; what has not ended is counted.
func TestSaturation(t *testing.T) {
	m := Model{
		Tape: tapeOf(1, scenarios.Append, scenarios.Append), Hold: Constant(time.Millisecond), Users: 3,
		Arrivals: (&scenarios.Load{Rate: 2000, Constant: true}).Arrivals(2, 0, 1, 0, 1), Until: 10 * second, Drain: second,
	}
	out := Run(m)
	if got := out.OpsPerSec(&m); math.Abs(got-1000) > 1 {
		t.Errorf("%v operations per second of 1000", got)
	}
	// 10,000 visits arrived and 500 per second were served, for 11 s.
	if got := out.Arrived - out.Censored; math.Abs(float64(got-5500)) > 5 || out.Queue < 4900 {
		t.Errorf("%d of %d visits were served, with %d in the queue: want 5500", got, out.Arrived, out.Queue)
	}
	if out.Service.Max() > 4e6 || out.Response.Max() < 5.4e9 {
		t.Errorf("service up to %d ns, response up to %d ns", out.Service.Max(), out.Response.Max())
	}
}

// Think times of a visit are no part of its response.
func TestThinkTime(t *testing.T) {
	m := Model{
		Tape: tapeOf(1, scenarios.History, scenarios.Append, scenarios.Append), Hold: Constant(time.Millisecond), Think: 20e6,
		Arrivals: (&scenarios.Load{Rate: 30, Constant: true}).Arrivals(3, 0, 1, 0, 1), From: second, Until: 11 * second, Drain: second,
	}
	out := Run(m)
	if out.Visits.TotalCount() != 100 || out.Visits.Min() < 1.99e6 || out.Visits.Max() > 2.01e6 || out.Response.Max() > 1.01e6 {
		t.Errorf("%d visits of %d to %d ns", out.Visits.TotalCount(), out.Visits.Min(), out.Visits.Max())
	}
}

func BenchmarkRun(b *testing.B) {
	m := Model{Tape: tapeOf(1000, scenarios.History, scenarios.Append, scenarios.Append), Hold: Constant(time.Millisecond), Until: second, Drain: second}
	for b.Loop() {
		m.Arrivals = (&scenarios.Load{Rate: 100_000}).Arrivals(3, 0, 1, 0, 1)
		Run(m)
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/100_000, "ns/operation")
}

func ExampleRun() {
	m := Model{Tape: tapeOf(1, scenarios.Append), Locks: OneLock, Hold: Constant(time.Millisecond), Users: 5, Until: second}
	fmt.Println(Run(m).OpsPerSec(&m))
	m.Locks, m.Own = PerSession, 1
	fmt.Println(Run(m).OpsPerSec(&m))
	// Output:
	// 1000
	// 5000
}
