package runner

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// sumOf adds up the points of a series.
func sumOf(s *result.Series) (sum result.Point) {
	for _, p := range s.Points {
		sum.Ops += p.Ops
		sum.Errors += p.Errors
		sum.Latencies += p.Latencies
		sum.Max = max(sum.Max, p.Max)
		sum.Censored += p.Censored
	}
	return sum
}

// checkSums compares a trial with the sums of its series.
func checkSums(t *testing.T, trial *result.Trial) {
	t.Helper()
	if trial.Series == nil {
		t.Fatal("no series")
	}
	want := result.Point{Ops: trial.Ops, Latencies: trial.LatencyNs.Count, Max: trial.LatencyNs.Max}
	for _, n := range trial.Errors {
		want.Errors += n
	}
	if c := trial.LatencyNs.Censored; c != nil {
		want.Censored = c.Count
	}
	if diff := cmp.Diff(want, sumOf(trial.Series)); diff != "" {
		t.Errorf("- trial, + sums of its series:\n%s", diff)
	}
}

// The sums of a series are its trial's totals: in a closed loop, with a window and with counted visits, in an open one that is
// saturated, and with errors.
func TestSeriesAddsUp(t *testing.T) {
	counted := small(t, "chatbot")
	counted.Iterations = 50
	failing := bend(func(b *bent) {
		var n atomic.Int64
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			if n.Add(1)%7 == 0 {
				return errors.New("a test")
			}
			return b.SessionStore.Update(ctx, id, fn)
		}
	})
	slow := appends(t, "rate", "1000/s", "max-users", "2")
	slow.Hold = 10 * time.Millisecond
	for _, c := range []struct {
		name   string
		s      scenarios.Scenario
		of     Subject
		window time.Duration
	}{
		{"closed loop", small(t, "chatbot"), subject(t, "global"), 350 * time.Millisecond},
		{"counted visits", counted, subject(t, "sharded"), 0},
		{"open loop", appends(t, "rate", "2000/s"), subject(t, "global"), 350 * time.Millisecond},
		{"saturated", slow, subject(t, "global"), 300 * time.Millisecond},
		{"with errors", appends(t, "rate", "1000/s"), failing, 250 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial := try(t, c.s, c.of, c.window)
			checkSums(t, &trial)
			if least := int64(c.window) / trial.Series.IntervalNs; int64(len(trial.Series.Points)) < least {
				t.Errorf("%d intervals of %v: want %d at least", len(trial.Series.Points), time.Duration(trial.Series.IntervalNs), least)
			}
			if (c.name == "with errors") != (len(trial.Errors) > 0) || (c.name == "saturated") != (trial.LatencyNs.Censored != nil) {
				t.Errorf("errors %v, censored %+v", trial.Errors, trial.LatencyNs.Censored)
			}
		})
	}
}

// Percentiles of a series with one interval are its trial's.
func TestSeriesOfOneInterval(t *testing.T) {
	for _, s := range []scenarios.Scenario{small(t, "chatbot"), appends(t, "rate", "100000/s")} {
		trial := try(t, s, subject(t, "sharded"), 20*time.Millisecond)
		checkSums(t, &trial)
		l, p := trial.LatencyNs, trial.Series.Points
		if len(p) > 1 {
			t.Logf("an operation took so long that there are %d intervals", len(p))
			continue
		}
		if diff := cmp.Diff([]*int64{l.P50, l.P99, &l.Max}, []*int64{p[0].P50, p[0].P99, &p[0].Max}); diff != "" {
			t.Errorf("- trial, + series:\n%s", diff)
		}
	}
}

// A store stalls for 200 ms from 500 ms on. With one user nothing ends in an interval of that time, and in the one in which the
// stall ends something has taken as long as the stall.
func TestSeriesShowsAStall(t *testing.T) {
	const stall = 200 * time.Millisecond
	var of noted
	s := appends(t, "rate", "1000/s", "arrivals", "constant", "max-users", "1")
	trial := try(t, s, noting(&of, func(n int) {
		if n == 500 {
			time.Sleep(stall)
		}
	}), time.Second)
	checkSums(t, &trial)
	shown, queue := false, int64(0)
	for i, p := range trial.Series.Points {
		queue = max(queue, p.Queue)
		if i >= 7 && p.Max >= int64(stall) && trial.Series.Points[i-1].Ops == 0 {
			shown = true
		}
	}
	if !shown {
		t.Errorf("no stall in %+v", trial.Series.Points)
	}
	if queue != trial.OpenLoop.Queue {
		t.Errorf("%d visits waited for a user at most, %d in the trial", queue, trial.OpenLoop.Queue)
	}
}

// seriesUser is a user of a trial with a series of so many intervals at most.
func seriesUser(length time.Duration, most int) *user {
	tr := &trial{phases: phases{from: int64(time.Second), until: forever, limit: forever}}
	tr.series = newSeries(&tr.phases, length, most)
	tr.times = newHistograms([]timeOf{responseOf(scenarios.Append)})
	tr.times.series = tr.series
	return seriesUserOf(tr, 0)
}

// seriesUserOf is another user of the trial.
func seriesUserOf(tr *trial, number int) *user {
	u := &user{trial: tr}
	u.stats.times.to, u.stats.times.user = tr.times, number
	tr.users.active = append(tr.users.active, u)
	return u
}

// ended records an operation that took ns and ended at a time.
func (u *user) ended(at, ns int64) {
	if at >= u.intervalEnd {
		u.nextInterval(at)
	}
	u.stats.times.add(responseOf(scenarios.Append), ns)
	u.stats.ops[scenarios.Append].done++
}

// Each latency is in the interval in which its operation ended, however long users are blocked and however often intervals were merged.
func TestSeriesIntervals(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int{2, 5, 64, 1 << 16} {
		first := seriesUser(100*time.Millisecond, most)
		tr := first.trial
		type end struct{ at, ns int64 }
		var ends []end
		for number := range 20 { // users, one after the other, each of them from the start to the end
			u := seriesUserOf(tr, number)
			for at := int64(time.Second); at < int64(20*time.Second); {
				ns := min(at-int64(time.Second), int64(1)<<rng.IntN(32))
				u.ended(at, ns)
				ends = append(ends, end{at, ns})
				if at += rng.Int64N(int64(50 * time.Millisecond)); rng.IntN(50) == 0 {
					at += rng.Int64N(int64(3 * time.Second)) // blocked
				}
			}
		}
		tr.endTimes()
		got := tr.series.result()
		if len(got.Points) > most {
			t.Errorf("%d intervals: want %d at most", len(got.Points), most)
		}
		want := &result.Series{IntervalNs: got.IntervalNs, Points: make([]result.Point, len(got.Points))}
		each := make([]*hdr.Histogram, len(got.Points))
		for _, e := range ends {
			i := (e.at - int64(time.Second)) / got.IntervalNs
			want.Points[i].Ops++
			if each[i] == nil {
				each[i] = result.NewHistogram()
			}
			_ = each[i].RecordValue(e.ns)
		}
		for i, h := range each {
			if h == nil {
				h = result.NewHistogram()
			}
			l := result.LatencyOf(h)
			want.Points[i].Latencies, want.Points[i].P50, want.Points[i].P99, want.Points[i].Max = l.Count, l.P50, l.P99, l.Max
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at most %d intervals: %s", most, diff)
		}
	}
}

// Users without times in an interval, such as that of visits which no user started, add none to the series.
func TestSeriesEndsWithTheLastOperation(t *testing.T) {
	u := seriesUser(100*time.Millisecond, maxIntervals)
	tr := u.trial
	tr.series.until = int64(1200 * time.Millisecond)
	u.ended(int64(1150*time.Millisecond), 1000)
	tr.unserved.times.to, tr.unserved.times.interval = tr.times, 50
	tr.endTimes()
	if n := len(tr.series.result().Points); n != 2 {
		t.Errorf("%d intervals: want 2", n)
	}
}

// A trial of any length takes the same memory: latencies of an interval take a few bytes for each different one.
func TestSeriesMemory(t *testing.T) {
	u := seriesUser(time.Second, maxIntervals)
	s := u.trial.series
	for at := int64(time.Second); at < int64(10*time.Hour); at += int64(time.Second) {
		for ns := int64(1000); ns < 1_000_000; ns += 3000 {
			u.ended(at, ns)
		}
	}
	size := 0
	for _, of := range s.intervals {
		size += cap(of.packed)
	}
	if len(s.intervals) > maxIntervals || size > 8<<20 || len(s.live) != maxLive {
		t.Errorf("%d intervals, %d bytes, %d of them not packed", len(s.intervals), size, len(s.live))
	}
}

// Moving what was recorded allocates nothing but the room for packed latencies, now and then.
func TestSeriesAllocations(t *testing.T) {
	u := seriesUser(100*time.Millisecond, maxIntervals)
	u.trial.series.intervals = make([]interval, 0, maxIntervals)
	at := int64(time.Second)
	u.ended(at, 1000)
	if n := testing.AllocsPerRun(1000, func() { at += int64(100 * time.Millisecond); u.ended(at, 1000) }); n > 0 {
		t.Errorf("%v allocations for an interval", n)
	}
}

// Probes of the harness have no series; a row of the harness has one.
func TestSeriesOfTrialsOnly(t *testing.T) {
	s := small(t, "chatbot")
	noop, _ := strategies.Lookup("noop")
	r := run{Config: Config{Seed: DefaultSeed, Window: 10 * time.Millisecond, Subjects: []Subject{{Label: "noop", Strategy: noop}}}}
	for kind, want := range map[TaskKind]bool{NoopTask: false, WaitingTask: false, AloneTask: false, TrialTask: true} {
		trial, err := r.performHere(t.Context(), r.setup(&s), kind, 0)
		if err != nil || (trial.Series != nil) != want {
			t.Errorf("%s: %v, series %v: want one: %v", kind, err, trial.Series, want)
		}
	}
}
