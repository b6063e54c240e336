package flawed_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
)

// repeats returns how often each flaw must be detected: SESSBENCH_KILLS, or n.
func repeats(t *testing.T, n int) int {
	if text := os.Getenv("SESSBENCH_KILLS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// kill is a row of the kill matrix.
type kill struct {
	by    []string
	times []time.Duration
}

func (k *kill) add(v *history.Violation, took time.Duration) {
	if by := fmt.Sprintf("%s (%s)", v.Detector, v.Anomaly); !slices.Contains(k.by, by) {
		k.by = append(k.by, by)
	}
	k.times = append(k.times, took)
}

func (k *kill) median() time.Duration {
	slices.Sort(k.times)
	return k.times[len(k.times)/2].Round(100 * time.Microsecond)
}

func (k *kill) worst() time.Duration { return slices.Max(k.times).Round(100 * time.Microsecond) }

// TestScheduledKills runs each flaw's schedule several times: each run must find one of its violations.
func TestScheduledKills(t *testing.T) {
	n := repeats(t, 10)
	for _, f := range flawed.All() {
		t.Run(f.Name, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			var k kill
			for seed := range uint64(n) {
				start := time.Now()
				r, err := verify.Run(t.Context(), verify.Config{Subject: f.Subject(), First: true, Seed: seed, Schedule: f.Schedule})
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != history.Violated {
					t.Fatalf("seed %d: %s %s", seed, r.Verdict, r.Why)
				}
				v := r.Violation
				if !slices.Contains(f.Kills, v.Anomaly) {
					t.Fatalf("seed %d: %q found by %s: %s: want one of %q", seed, v.Anomaly, v.Detector, v.Why, f.Kills)
				}
				if v.Detector == history.ByWitness && !v.Confirmed {
					t.Errorf("seed %d: porcupine does not confirm %q: %s", seed, v.Anomaly, v.Why)
				}
				if named := strings.Contains(v.Mechanism(), "the lock is discarded"); named != (f.Name == "orphan-lock") {
					t.Errorf("seed %d: %s: %s: %s: the cause of an orphaned lock is named: %v", seed, v.Anomaly, v.Why, v.Mechanism(), named)
				}
				k.add(v, time.Since(start))
			}
			if len(k.by) != 1 {
				t.Errorf("the same schedule led to different violations: %s", k.by)
			}
			t.Logf("%-24s %d of %d killed by %-45s median %v, worst %v", f.Name, n, n, strings.Join(k.by, ", "), k.median(), k.worst())
		})
	}
}

// TestRandomKills finds each flaw by random pressure.
func TestRandomKills(t *testing.T) {
	n := repeats(t, 1)
	for _, f := range flawed.All() {
		t.Run(f.Name, func(t *testing.T) {
			if f.Races {
				t.Skip("real data races: verified in a separate process, see cmd")
			}
			defer goleak.VerifyNone(t)
			var k kill
			for i := range uint64(n) {
				start := time.Now()
				r, err := verify.Run(t.Context(), verify.Config{
					Subject: f.Subject(), First: true, Seed: 1000 * i, Rounds: -1, Budget: 10 * time.Minute, Patience: 500 * time.Millisecond,
				})
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != history.Violated {
					t.Fatalf("survived %d rounds: %s %s", r.Rounds, r.Verdict, r.Why)
				}
				if !slices.Contains(f.Kills, r.Violation.Anomaly) { // pressure may show a flaw in a new way
					t.Logf("%q found by %s: %s: expected one of %q", r.Violation.Anomaly, r.Violation.Detector, r.Violation.Why, f.Kills)
				}
				k.add(r.Violation, time.Since(start))
			}
			t.Logf("%-24s %d of %d killed by %-60s median %v, worst %v", f.Name, n, n, strings.Join(k.by, ", "), k.median(), k.worst())
		})
	}
}

// TestSeedIsReproducible runs each schedule several times with one seed: the violation must be the same.
func TestSeedIsReproducible(t *testing.T) {
	for _, f := range flawed.All() {
		t.Run(f.Name, func(t *testing.T) {
			var first []string
			for range repeats(t, 3) {
				r, err := verify.Run(t.Context(), verify.Config{Subject: f.Subject(), First: true, Seed: 7, Schedule: f.Schedule})
				if err != nil || r.Violation == nil {
					t.Fatalf("no violation, error %v", err)
				}
				now := essence(r.Violation)
				if first == nil {
					first = now
				}
				if diff := cmp.Diff(first, now); diff != "" {
					t.Fatalf("different violation (-first +now):\n%s", diff)
				}
			}
		})
	}
}

// essence describes a violation without times and random ids.
func essence(v *history.Violation) []string {
	lines := []string{string(v.Anomaly), string(v.Detector)}
	if v.History == nil {
		return lines
	}
	lines = append(lines, uuids.ReplaceAllString(v.Why, "ID"), fmt.Sprint(v.Conflict))
	for _, op := range v.History.Ops {
		lines = append(lines, fmt.Sprintf("%s %s %s version %d", history.UserName(op.User), op.Kind, op.Outcome, op.Version))
	}
	return lines
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// atWork is a store with a goroutine of its own that works now and then.
type atWork struct {
	talks
	stop func() // the goroutine
}

func newAtWork(s talks) talks {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(8 * time.Millisecond):
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	return atWork{s, sync.OnceFunc(func() { close(end); <-ended })}
}

func (w atWork) Close() error {
	w.stop()
	return w.talks.Close()
}

// TestBlockingBesideWork wants a store to be convicted of blocking more than it declares although a single look may find its goroutine at work.
func TestBlockingBesideWork(t *testing.T) {
	f, _ := flawed.Lookup("blocks-all")
	subject := f.Subject()
	subject.Open = func(points *verify.SyncPoints) (talks, error) {
		s, err := f.Open(points)
		return newAtWork(s), err
	}
	for seed := range uint64(10) {
		r, err := verify.Run(t.Context(), verify.Config{
			Subject: subject, First: true, Seed: seed, Schedule: f.Schedule, Patience: 5 * patienceHere,
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Violation == nil || r.Violation.Anomaly != history.BrokenGuarantee {
			t.Errorf("seed %d: %s %s: %+v, want %s", seed, r.Verdict, r.Why, r.Violation, history.BrokenGuarantee)
		}
	}
}
