package flawed_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/manager/storetest"
	"github.com/sessbench/sessbench/strategies"
)

func unusualSubject(s *strategies.Strategy) verify.Subject {
	return verify.Subject{
		Label: s.Name, Guarantees: s.Guarantees,
		Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(nil) },
	}
}

// TestUnusualStoresKeepTheContract is the evidence that these stores are correct.
func TestUnusualStoresKeepTheContract(t *testing.T) {
	if testing.Short() {
		t.Skip("the slow ones take seconds")
	}
	messages := storetest.Probe[manager.Session]{
		New:       func() manager.Session { return manager.Session{} },
		Increment: func(s *manager.Session) { s.Append("user", "") },
		Count:     func(s *manager.Session) int64 { return int64(s.Seq) },
	}
	for _, s := range flawed.Unusual() {
		t.Run(s.Name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) manager.SessionStore[manager.Session] {
				store, err := s.Open(nil)
				if err != nil {
					t.Fatal(err)
				}
				return store
			}, s.Guarantees, messages)
		})
	}
}

// TestUnusualStoresHaveNoViolation verifies stores that are correct and slow, stalling, unfair or large.
func TestUnusualStoresHaveNoViolation(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() || raceEnabled {
		seeds = 2
	}
	for _, s := range flawed.Unusual() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			for seed := range seeds {
				r, err := verify.Run(t.Context(), verify.Config{
					Subject: unusualSubject(&s), Seed: 100 * seed, Rounds: 2, Users: 6, Ops: 100, Patience: 500 * time.Millisecond,
				})
				if err != nil {
					t.Fatal(err)
				}
				if v := r.Violation; v != nil {
					t.Errorf("seed %d: %s found by %s: %s", 100*seed, v.Anomaly, v.Detector, v.Why)
				}
				if len(r.Guarantees) < 7 {
					t.Errorf("seed %d: %d guarantees checked, want all", 100*seed, len(r.Guarantees))
				}
			}
		})
	}
}

// TestStarvationNeedsDeclaration verifies the same unfair store with and without a declaration of fairness.
func TestStarvationNeedsDeclaration(t *testing.T) {
	for _, s := range flawed.Unusual() {
		if s.Name != "last-come" {
			continue
		}
		for _, fair := range []bool{false, true} {
			sub := unusualSubject(&s)
			sub.Guarantees.Fair = fair
			r, err := verify.Run(t.Context(), verify.Config{Subject: sub, Rounds: 1, Patience: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			share := r.Guarantees[len(r.Guarantees)-1]
			figure, err := strconv.ParseFloat(share.Observed, 64)
			if share.Name != "fair share" || err != nil {
				t.Fatalf("last guarantee %+v, want the fair share", share)
			}
			switch {
			case !fair && r.Violation != nil:
				t.Errorf("%s, although the store is not declared fair", r.Violation.Anomaly)
			case !fair && (share.Warning != "") != (figure < 0.1):
				t.Errorf("fair share %s with warning %q", share.Observed, share.Warning)
			case fair && figure == 0 && (r.Violation == nil || r.Violation.Anomaly != history.Starvation || share.Kept):
				t.Errorf("%+v %+v, want starvation", r.Violation, share)
			}
		}
	}
}
