package runner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sessbench/sessbench/scenarios"
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
		r := run{Config: Config{Seed: DefaultSeed, Traffic: tape, Speed: speed}}
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
