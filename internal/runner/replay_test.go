package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/reports/result"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// In a log that is replayed at its own speed, times count from the recorded arrivals. Four visits that arrive together at one
// session wait for each other: the output says so.
func TestRecordedArrivals(t *testing.T) {
	const hold = 10 * time.Millisecond
	file := filepath.Join(t.TempDir(), "log.csv")
	log := "t_s,session,user_tokens,assistant_tokens\n0,a,1,2\n1,b,1,2\n1,b,1,2\n1,b,1,2\n1,b,1,2\n2,a,1,2\n"
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, speed := range []float64{0, 10} {
		s := scenarios.Recorded()
		s.Users, s.Hold = 2, hold
		tape := compile(t, file, s.Users)
		s.Sessions = int(tape.Counts().Sessions)
		if speed > 0 {
			s.FollowLog(speed)
		}
		r := run{Config: Config{Seed: DefaultSeed, Traffic: tape}}
		trial, err := runTrial(t.Context(), subject(t, "sharded"), r.setup(&s))
		if err != nil {
			t.Fatal(err)
		}
		o := trial.OpenLoop
		if (o != nil) != (speed > 0) {
			t.Fatalf("speed %v: %+v", speed, o)
		}
		if o == nil {
			continue
		}
		if o.StartNs.Count != 6 || o.VisitNs.Count != 6 || o.ServiceNs.Count != trial.LatencyNs.Count {
			t.Errorf("%d starts and %d ends of visits, %d operations, %d service times", o.StartNs.Count, o.VisitNs.Count,
				trial.LatencyNs.Count, o.ServiceNs.Count)
		}
		// The fourth of them starts after two updates of each of the three before.
		if o.Serialised < 3 || o.StartNs.Max < int64(6*hold) || o.VisitNs.Max < int64(8*hold) || trial.LatencyNs.Max < int64(6*hold) {
			t.Errorf("%+v, response %+v", o, trial.LatencyNs)
		}
		if min := float64(trial.LatencyNs.Count) / 0.2; o.Offered < 0.99*min || o.Offered > 1.01*min || o.Achieved <= 0 || o.Achieved > 1 {
			t.Errorf("offered %v, want %v; achieved %v", o.Offered, min, o.Achieved)
		}
	}
}

// replayed replays a log of lines at a speed and returns the trial.
func replayed(t *testing.T, of Subject, speed float64, maxUsers int, header string, lines []string) result.Trial {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log.csv")
	if err := os.WriteFile(file, []byte(header+"\n"+strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := scenarios.Recorded()
	s.FollowLog(speed)
	if maxUsers > 0 {
		s = openLoop(t, s, "max-users", strconv.Itoa(maxUsers))
	}
	tape := compile(t, file, ProbeUsers(&s))
	s.Sessions = int(tape.Counts().Sessions)
	r := run{Config: Config{Seed: DefaultSeed, Traffic: tape}}
	trial, err := runTrial(t.Context(), of, r.setup(&s))
	if err != nil {
		t.Fatal(err)
	}
	if !trial.Audit.OK {
		t.Fatalf("%+v", trial.Audit)
	}
	return trial
}

// Visits of different sessions overlap as in the log, whatever user each session had in a closed loop; those of one session do not.
func TestOnlyVisitsOfOneSessionAreSerialised(t *testing.T) {
	const sessions = 10
	var mu sync.Mutex
	inside, most := map[manager.ID]int{}, map[manager.ID]int{}
	all := make(chan struct{})
	store := func(b *bent) {
		b.SessionStore = strategies.NewPerSession[manager.Session]()
		b.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
			mu.Lock()
			inside[id]++
			most[id] = max(most[id], inside[id])
			if len(inside) == sessions {
				select {
				case <-all:
				default:
					close(all)
				}
			}
			mu.Unlock()
			select {
			case <-all: // updates of all sessions have begun
			case <-time.After(20 * time.Second):
			}
			err := b.SessionStore.Update(ctx, id, fn)
			mu.Lock()
			inside[id]--
			mu.Unlock()
			return err
		}
	}
	var once, twice []string
	for i := range sessions {
		once = append(once, fmt.Sprintf("%d,s%d,1", i, i))
		twice = append(twice, fmt.Sprintf("%d,s%d,1", i, i), fmt.Sprintf("%d,s%d,1", i, i))
	}
	trial := replayed(t, bend(store), 1000, 0, "t_s,session,bytes", once)
	select {
	case <-all:
	default:
		t.Fatal("the visits of different sessions do not overlap")
	}
	if o := trial.OpenLoop; o.Serialised != 0 || o.Users < sessions || trial.Visits != sessions {
		t.Errorf("%+v", o)
	}
	inside, most, all = map[manager.ID]int{}, map[manager.ID]int{}, make(chan struct{})
	trial = replayed(t, bend(store), 1000, 0, "t_s,session,bytes", twice)
	if o := trial.OpenLoop; o.Serialised == 0 || o.Serialised > sessions || o.Unserved != 0 || trial.Visits != 2*sessions {
		t.Errorf("%+v", o)
	}
	for id, n := range most {
		if n > 1 {
			t.Errorf("%d visits of session %v at a time", n, id)
		}
	}
}

// The rows of a session are executed in the log's order, although many users share them: none finds its session deleted.
func TestRecordedOrderIsKept(t *testing.T) {
	var lines []string
	for i := range 3000 {
		op := []string{"get_or_create", "append", "append", "delete"}[i/5%4]
		lines = append(lines, fmt.Sprintf("%d,s%d,%s,3", i/100, i%5, op))
	}
	for _, most := range []int{0, 1, 3} {
		trial := replayed(t, subject(t, "sharded"), 1000, most, "t_s,session,op,bytes", lines)
		if o := trial.OpenLoop; trial.Errors != nil || trial.Visits != 3000 || o.Unserved != 0 || most > 0 && o.Users > most {
			t.Errorf("max-users %d: errors %v, %d visits, %+v", most, trial.Errors, trial.Visits, o)
		}
		if o := trial.OpenLoop; most == 1 && o.Serialised != 0 {
			t.Errorf("one user holds %d visits", o.Serialised)
		}
	}
}

// A store that stalls during a replay shows a queue. What it has not done when the drain is over is censored and counted, whether
// it waited for a user or for its session.
func TestReplayOfAStalledStore(t *testing.T) {
	const visits = 200
	for _, c := range []struct {
		name     string
		session  string // of a row
		maxUsers int
		stall    time.Duration
	}{
		{"a queue that is made up for", "s%d", 1, 100 * time.Millisecond},
		{"a queue at the end of the drain", "s%d", 1, time.Second},
		{"one session at the end of the drain", "s", 0, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines []string
			for i := range visits {
				name := c.session
				if strings.Contains(name, "%") {
					name = fmt.Sprintf(name, i)
				}
				lines = append(lines, fmt.Sprintf("%d,%s,1", i, name))
			}
			var of noted
			trial := replayed(t, noting(&of, func(n int) {
				if n == visits/4 {
					time.Sleep(c.stall)
				}
			}), 1000, c.maxUsers, "t_s,session,bytes", lines)
			o, drained := trial.OpenLoop, c.stall < DefaultWindow
			waited := o.Queue
			if c.maxUsers == 0 {
				waited = o.Serialised
			}
			if trial.Visits != visits || o.StartNs.Count != visits || waited < visits/10 || c.maxUsers == 1 && o.Users != 1 {
				t.Errorf("%d visits, %+v", trial.Visits, o)
			}
			if drained != (o.Unserved == 0) || drained != (o.StartNs.Censored == nil) || drained != (trial.LatencyNs.Censored == nil) {
				t.Errorf("unserved %d, start %+v, response %+v", o.Unserved, o.StartNs, trial.LatencyNs)
			}
			if took := trial.ElapsedNs; took > int64(visits*time.Millisecond+DefaultWindow)+1 {
				t.Errorf("the trial took %v, which is beyond the drain", time.Duration(took))
			}
			if o.ArrivalNs != int64((visits-1)*time.Millisecond) {
				t.Errorf("arrived in %v", time.Duration(o.ArrivalNs))
			}
			if !drained && (!o.Saturated || o.Achieved > 0.6) {
				t.Errorf("%+v", o)
			}
		})
	}
}
