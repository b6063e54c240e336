package verify_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/unusual"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

func unusualSubject(s *strategies.Strategy) verify.Subject {
	return verify.Subject{
		Label: s.Name, Guarantees: s.Guarantees,
		Open: func(*verify.Turnstile) (manager.SessionStore[manager.Session], error) { return s.Open(nil) },
	}
}

// TestUnusualStoresAreNotConvicted verifies stores that are correct and slow, stalling, unfair or large.
func TestUnusualStoresAreNotConvicted(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() {
		seeds = 1
	}
	for _, s := range unusual.All() {
		t.Run(s.Name, func(t *testing.T) {
			for seed := range seeds {
				r, err := verify.Run(t.Context(), verify.Config{
					Subject: unusualSubject(&s), Seed: 100 * seed, Rounds: 2, Users: 6, Ops: 100, Patience: 500 * time.Millisecond,
				})
				if err != nil {
					t.Fatal(err)
				}
				if r.Violation != nil {
					t.Errorf("seed %d: convicted of %s by %s: %s", 100*seed, r.Violation.Anomaly, r.Violation.Detector, r.Violation.Why)
				}
				if len(r.Guarantees) < 7 {
					t.Errorf("seed %d: %d guarantees, want all to have been looked at", 100*seed, len(r.Guarantees))
				}
			}
		})
	}
}

// TestStarvationNeedsTheDeclaration verifies the same unfair store with and without the declaration that it is fair.
func TestStarvationNeedsTheDeclaration(t *testing.T) {
	for _, s := range unusual.All() {
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
				t.Errorf("convicted of %s, although it does not declare to be fair", r.Violation.Anomaly)
			case !fair && (share.Warning != "") != (figure < 0.1):
				t.Errorf("fair share %s with warning %q", share.Observed, share.Warning)
			case fair && figure == 0 && (r.Violation == nil || r.Violation.Anomaly != history.Starvation || share.Kept):
				t.Errorf("%+v %+v, want starvation", r.Violation, share)
			}
		}
	}
}
