package runner

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
)

// rampOf runs a trial of a ramp, and returns it with its users.
func rampOf(t *testing.T, of Subject, s scenarios.Scenario) (result.Trial, []*user) {
	t.Helper()
	r := run{Config: Config{Seed: DefaultSeed, Warmup: 20 * time.Millisecond}}
	base := r.setup(&s)
	tr, err := prepare(t.Context(), of, base)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.cleanUp()
	if err := tr.startClock(); err != nil {
		t.Fatal(err)
	}
	defer tr.meter.clock.Stop()
	w, err := tr.drive()
	if err != nil {
		t.Fatal(err)
	}
	trial, err := tr.finish(w)
	if err != nil {
		t.Fatal(err)
	}
	return trial, tr.users.active
}

// Users work in their turns alone, up and down, with pauses and with private sessions, too.
func TestRamp(t *testing.T) {
	for _, c := range []struct {
		name, scenario string
		think          time.Duration
	}{{"no pauses", "hundred-users", 0}, {"pauses", "chatbot", 3 * time.Millisecond}} {
		t.Run(c.name, func(t *testing.T) {
			s := small(t, c.scenario)
			s = openLoop(t, s, "stage", "300ms:8,200ms:0,100ms:4", "users", "2")
			s.Think = c.think
			var inside, most atomic.Int64
			of := bend(func(b *bent) {
				b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
					if n := inside.Add(1); n > most.Load() {
						most.Store(n) // whichever of several comes last, it is no more than the users
					}
					defer inside.Add(-1)
					return b.SessionStore.Update(ctx, id, fn)
				}
			})
			trial, users := rampOf(t, of, s)
			checkSums(t, &trial)
			switch {
			case !trial.Audit.OK:
				t.Errorf("%+v", trial.Audit)
			case time.Duration(trial.ElapsedNs) != 600*time.Millisecond:
				t.Errorf("the window is %v, want that of the stages", time.Duration(trial.ElapsedNs))
			case most.Load() > 8 || len(users) != 8:
				t.Errorf("%d users, %d at a time: want 8", len(users), most.Load())
			case trial.Fairness != result.Fairness{}:
				t.Errorf("%+v: want none", trial.Fairness)
			case trial.Waiting != nil && c.think == 0 && s.Hold == 0:
				t.Error("users wait neither in holds nor in pauses")
			}
			from, until := int64(20*time.Millisecond), int64(620*time.Millisecond)
			total := 0.
			for i, u := range users {
				for k, want := range s.Ramp.Turns(20*time.Millisecond, float64(i)+0.5) {
					got := u.turns[k]
					if got.From < want.From || got.Until < want.Until && got.Until != got.From {
						t.Errorf("user %d: %v, want %v and no earlier", i, got, want)
					}
					total += float64(max(0, min(got.Until, until)-max(got.From, from)))
				}
			}
			sum := 0.
			for _, p := range trial.Series.Points {
				sum += p.Users * float64(trial.Series.IntervalNs)
				if p.Users < 0 || p.Users > 8+1e-9 {
					t.Errorf("%v active users", p.Users)
				}
			}
			if math.Abs(sum/total-1) > 1e-6 {
				t.Errorf("the series has %v ns of users, want %v", sum, total)
			}
		})
	}
}

// A ramp that ends before a user's first turn leaves that user without one.
func TestRampSkipsTurns(t *testing.T) {
	tr := &trial{phases: phases{until: 50}}
	u := &user{trial: tr, ramped: ramped{turns: []scenarios.Turn{{From: 10, Until: 20}, {From: 30, Until: 40}}}}
	if got := u.nextTurn(50); got != 50 || u.turns[0].Until != 10 || u.turns[1].Until != 30 {
		t.Errorf("%v at %v", u.turns, got)
	}
	u = &user{trial: tr, ramped: ramped{turns: []scenarios.Turn{{From: 10, Until: 20}, {From: 30, Until: 40}}}}
	if got := u.nextTurn(15); got != 15 || u.leaves != 20 || u.turns[0].From != 15 {
		t.Errorf("%v at %v, until %v", u.turns, got, u.leaves)
	}
	if got := u.nextTurn(35); got != 35 || u.turns[0].Until != 35 || u.turns[1].From != 35 || u.leaves != 40 {
		t.Errorf("%v at %v, until %v", u.turns, got, u.leaves)
	}
}

func TestActiveUsersOverTime(t *testing.T) {
	s := &series{from: 100, until: 135, length: 10}
	us := &users{active: []*user{
		{ramped: ramped{turns: []scenarios.Turn{{From: 0, Until: forever}}}},
		{ramped: ramped{turns: []scenarios.Turn{{From: 105, Until: 118}, {From: 119, Until: 200}}}},
		{ramped: ramped{turns: []scenarios.Turn{{From: 112, Until: 114}, {From: 150, Until: 160}}}},
		{},
	}}
	points := make([]result.Point, 5) // the last one follows the window
	us.addTurns(s, points)
	var got []float64
	for _, p := range points {
		got = append(got, p.Users)
	}
	if want := []float64{1.5, 1 + 0.9 + 0.2, 2, 2, 0}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The participants of a run share the active users at any time.
func TestRampOfParticipants(t *testing.T) {
	s := openLoop(t, small(t, "chatbot"), "stage", "1s:10,1s:3")
	for _, of := range []int{1, 2, 3, 4} {
		for at := time.Duration(0); at < 2*time.Second; at += 50 * time.Millisecond {
			all, least, most := 0, 10, 0
			for index := range of {
				p := part{Participant: testParticipant{newTable(of), index}}
				base := setup{scenario: &s, part: p}
				lo, hi := p.users(s.Users)
				n := 0
				for i := range hi - lo {
					for _, turn := range base.turns(i, hi-lo) {
						if turn.From <= int64(at) && int64(at) < turn.Until {
							n++
						}
					}
				}
				all, least, most = all+n, min(least, n), max(most, n)
			}
			want := 10 * at.Seconds()
			if at > time.Second {
				want = 10 - 7*(at.Seconds()-1)
			}
			if math.Abs(float64(all)-want) > float64(of)/2+0.5 || most-least > 2 {
				t.Errorf("%d participants at %v: %d users, from %d to %d: want %v", of, at, all, least, most, want)
			}
		}
	}
}

// What is not known of a ramp is not in the document, and a document without users over time is read.
func TestRampInDocument(t *testing.T) {
	s := openLoop(t, small(t, "hundred-users"), "stage", "60ms:4,40ms:1")
	d, err := Run(t.Context(), Config{Subjects: []Subject{subject(t, "sharded"), subject(t, "noop")}, Scenarios: []scenarios.Scenario{s}, Runs: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range d.Results {
		if r.Ramp != "60ms:4 40ms:1 users" || r.Load != "" || r.Users != 4 || r.WindowNs != int64(100*time.Millisecond) || r.LimitOpsPerSec != 0 {
			t.Errorf("%+v", r.Workload)
		}
		if r.Trials[0].LimitOpsPerSec != 0 || r.Trials[0].OpenLoop != nil || r.Trials[0].Series.Points[0].Users == 0 {
			t.Errorf("%s: %+v", r.Strategy, r.Trials[0].Series)
		}
	}
	var p result.Point
	if err := json.Unmarshal([]byte(`{"ops":3,"latencies":3}`), &p); err != nil || p.Users != 0 {
		t.Error(p, err)
	}
}
