package runner

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// A snapshot has what users have moved since the last one, and the percentiles so far.
func TestSnapshot(t *testing.T) {
	s := appends(t, "rate", "500/s", "arrivals", "constant")
	var got []Snapshot
	tr := &trial{setup: setup{scenario: &s, tape: scenarios.Draw(&s, 1), window: time.Minute, series: true, part: part{Participant: alone{}}}}
	tr.setup.on.Snapshot = func(s Snapshot) { got = append(got, s) }
	tr.phases = phases{base: time.Now().Add(-2500 * time.Millisecond), until: int64(time.Minute), limit: int64(time.Minute)}
	tr.times = newHistograms(nil)
	tr.openSeries()
	shots := tr.newSnapshots()
	shots.start()
	defer shots.stop()

	stats := &userStats{times: batch{to: tr.times}}
	record := func(n int, ns int64) {
		op := &stats.ops[scenarios.Append]
		for range n {
			stats.times.add(responseOf(scenarios.Append), ns)
			op.done++
		}
		op.failed++
	}
	record(2000, 1000)
	stats.addInterval()
	tr.series.note(tr.phases.now(), func(p *result.Point) { p.Queue = 7 })
	shots.next()
	if len(got) != 1 {
		t.Fatalf("%d snapshots", len(got))
	}
	// Any time may have passed by now, so that the speed is at most that of 2.5 s.
	if g := got[0]; g.Second < 2 || g.OpsPerSec <= 0 || g.OpsPerSec > 800 || g.Offered < 499 || g.Offered > 501 || *g.P50 != 1000 || *g.P99 != 1000 || g.Errors != 1 {
		t.Errorf("%+v, p50 %d, p99 %d", g, *g.P50, *g.P99)
	}
	if g := got[0]; g.Second == 2 && g.Queue != 7 { // else the interval may be an earlier one by now
		t.Errorf("queue %d", g.Queue)
	}
	stats.times.interval = 2
	record(batchSize/2, 5000)
	shots.next() // what is not added yet is not in it
	if g := got[1]; g.OpsPerSec != 0 || g.Errors != 1 || *g.P99 != 1000 {
		t.Errorf("%+v", g)
	}
	record(2000, 5000)
	stats.addInterval()
	shots.next()
	if g := got[2]; g.OpsPerSec <= 0 || g.Errors != 3 || *g.P99 < 4990 {
		t.Errorf("%+v", g)
	}

	if got[2].Times != nil {
		t.Error("times that were not asked for")
	}
	tr.setup.liveTimes = true
	shots.next()
	var times [2]int64
	got[3].EachTime(func(ns, n int64) {
		if ns < 2000 {
			times[0] += n
		} else if math.Abs(float64(ns)/5000-1) < 0.001 {
			times[1] += n
		}
	})
	if times != [2]int64{2000, 2000 + batchSize/2} {
		t.Errorf("times %v", times)
	}

	unit := tr.series.unit
	tr.series.unit = 2 * int64(snapshotEvery)
	if none := tr.newSnapshots(); none != nil {
		t.Error("snapshots of users that add what they have recorded once in two seconds")
	}
	tr.series.unit = unit
	tr.setup.on.Snapshot = nil
	if none := tr.newSnapshots(); none != nil || none.start() != nil {
		t.Error("snapshots that nobody wants")
	}
}

// The callback gets the seconds of each trial and its end, on the goroutine of Run, with and without a window of more than a second.
func TestLive(t *testing.T) {
	s := appends(t, "rate", "1000/s", "arrivals", "constant")
	for _, window := range []time.Duration{50 * time.Millisecond, 3 * time.Second} {
		var got []Snapshot
		cfg := Config{
			Subjects: []Subject{subject(t, "sharded")}, Scenarios: []scenarios.Scenario{s}, Runs: 1, Seed: 1, Window: window,
			Live: func(s Snapshot) {
				s.Times = slices.Clone(s.Times) // the runner's
				got = append(got, s)
			},
			LiveTimes: true,
		}
		d, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || len(got) == 1 && window > time.Second {
			t.Fatalf("%d snapshots in %v", len(got), window)
		}
		trial := &d.Results[0].Trials[0]
		for i, g := range got {
			last := i == len(got)-1
			if g.Final != last || g.Label != "sharded" || g.Scenario != "chatbot" || !last && g.Offered < 999 {
				t.Errorf("%d: %+v", i, g)
			}
			times, sum := int64(0), int64(0)
			g.EachTime(func(ns, n int64) { times, sum = times+n, sum+n*ns })
			if l := trial.LatencyNs; last && (times != l.Count || math.Abs(float64(sum)/float64(times)/float64(l.Mean)-1) > 0.01 || g.Ops != trial.Ops || g.Users != 0) {
				t.Errorf("%d times of %d ns: want those of %+v", times, sum, l)
			}
			if !last && (times == 0 || times > trial.LatencyNs.Count || g.Ops == 0 || g.Users > int64(s.Users)) {
				t.Errorf("%d times, %d operations, %d users: want some, and no more than %+v", times, g.Ops, g.Users, trial.OpenLoop)
			}
			if last && (g.OpsPerSec != trial.OpsPerSec || g.Offered != trial.OpenLoop.Offered) {
				t.Errorf("%+v: want the figures of %+v", g, trial)
			}
		}
	}
}

// The users of a snapshot are those that are active: all of a closed loop, as many as a ramp has, or those of an open loop with a visit.
func TestActiveUsers(t *testing.T) {
	tr := &trial{setup: setup{scenario: &scenarios.Scenario{}, part: part{Participant: alone{}}}}
	tr.phases.from = int64(time.Second)
	tr.users.active = make([]*user, 20)
	if n := tr.activeUsers(0); n != 20 {
		t.Errorf("a closed loop: %d", n)
	}
	tr.setup.scenario.Ramp = scenarios.Ramp{From: 10, Stages: []scenarios.UserStage{{Length: 10 * time.Second, Users: 20}}}
	for at, want := range map[time.Duration]int64{0: 10, time.Second: 10, 6 * time.Second: 15, time.Minute: 20} {
		if n := tr.activeUsers(int64(at)); n != want {
			t.Errorf("a ramp after %v: %d, want %d", at, n, want)
		}
	}
	tr.arrivals = &arrivals{busy: 3}
	if n := tr.activeUsers(0); n != 3 {
		t.Errorf("an open loop: %d", n)
	}
}
