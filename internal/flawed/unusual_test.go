package flawed_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/flawed"
	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func unusualSubject(s *strategies.Strategy) verify.Subject {
	return verify.Subject{
		Label: s.Name, Guarantees: s.Guarantees,
		Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) { return s.Open(nil) },
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
			var running sync.WaitGroup
			defer running.Wait()
			for seed := range seeds { // at the same time: the stores spend most of it asleep
				running.Go(func() {
					r, err := verify.Run(t.Context(), verify.Config{
						Subject: unusualSubject(&s), Seed: 100 * seed, Rounds: 2, Users: 6, Ops: 100, Patience: 500 * time.Millisecond,
					})
					if err != nil {
						t.Error(err)
						return
					}
					if v := r.Violation; v != nil {
						t.Errorf("seed %d: %s found by %s: %s", 100*seed, v.Anomaly, v.Detector, v.Why)
					}
					if len(r.Guarantees) < 10 {
						t.Errorf("seed %d: %d guarantees checked, want all", 100*seed, len(r.Guarantees))
					}
				})
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
			var updates int // fewer than a thousand prove nothing
			if _, err := fmt.Sscanf(share.Detail, "updates of the slowest user ÷ mean, of %d", &updates); err != nil {
				t.Fatal(err)
			}
			switch {
			case !fair && r.Violation != nil:
				t.Errorf("%s, although the store is not declared fair", r.Violation.Anomaly)
			case !fair && (share.Warning != "") != (figure < 0.1):
				t.Errorf("fair share %s with warning %q", share.Observed, share.Warning)
			case fair && figure == 0 && updates >= 1000 && (r.Violation == nil || r.Violation.Anomaly != history.Starvation || share.Kept):
				t.Errorf("%+v %+v, want starvation", r.Violation, share)
			}
		}
	}
}
