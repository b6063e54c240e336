package verify_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/sheet"
	"github.com/sessbench/sessbench/internal/timeline"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

type closure = func(context.Context, *manager.Session) error

// explained is the text of all violations of a store by kind, as the timeline shows them.
func explained(t *testing.T, alter func(*altered), cfg verify.Config) map[history.Anomaly]string {
	t.Helper()
	cfg.Subject, cfg.Seed = alteredSubject(alter), 1
	r, err := verify.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[history.Anomaly]string{}
	for _, v := range r.All() {
		text := &sheet.Text{Options: sheet.Options{Width: 4000}}
		timeline.Draw(text, v)
		texts[v.Anomaly] = text.String()
	}
	return texts
}

// TestExplanationsClaimOnlyWhatTheHistoryShows verifies stores whose fault looks like another one.
func TestExplanationsClaimOnlyWhatTheHistoryShows(t *testing.T) {
	var updates, reads atomic.Int64
	type test struct {
		why     string
		alter   func(*altered)
		anomaly history.Anomaly
		says    []string
		not     []string
	}
	tests := []test{{
		why: "failed updates are undone, which is not declared",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f closure) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					draft := s.Clone()
					err := f(ctx, draft)
					if err == nil {
						*s = *draft
					}
					return err
				})
			}
		},
		anomaly: history.UndeclaredRollback,
		says:    []string{"failed after it had changed the session", "declare Rollback"},
		not:     []string{"returned success", "at the same time"},
	}, {
		why: "an update that is applied returns ErrNotApplied",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f closure) error {
				err := a.store.Update(ctx, id, f)
				if err == nil && updates.Add(1)%20 == 0 {
					err = manager.NotApplied(errors.New("busy"))
				}
				return err
			}
		},
		anomaly: history.RefusedAfterRun,
		says:    []string{"returned ErrNotApplied although its closure had run", "If the change was kept, it is made twice"},
		not:     []string{"returned success"},
	}, {
		why: "one update in some is made on a copy, under mutual exclusion",
		alter: func(a *altered) {
			a.update = func(ctx context.Context, id manager.ID, f closure) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					if updates.Add(1)%30 == 0 {
						s = s.Clone()
					}
					return f(ctx, s)
				})
			}
		},
		anomaly: history.LostUpdate,
		says:    []string{"one of the two ", "Possible causes, which the history does not prove", "made on a copy that was never stored"},
		not:     []string{"each began from the same state", "were inside the critical section"},
	}, {
		why: "one read in some writes back what it has read",
		alter: func(a *altered) {
			a.view = func(ctx context.Context, id manager.ID, f closure) error {
				var old *manager.Session
				err := a.store.View(ctx, id, func(_ context.Context, s *manager.Session) error { old = s.Clone(); return nil })
				if err != nil {
					return err
				}
				err = f(ctx, old)
				if reads.Add(1)%5 == 0 {
					_ = a.store.Update(context.WithoutCancel(ctx), id, func(_ context.Context, s *manager.Session) error {
						if s.Incarnation == old.Incarnation {
							*s = *old
						}
						return nil
					})
				}
				return err
			}
		},
		anomaly: history.LostUpdate,
		says:    []string{"? ", "a read that writes back what it has read"},
		not:     []string{"were inside the critical section"},
	}, {
		why: "histories are without their newest message",
		alter: func(a *altered) {
			a.view = func(ctx context.Context, id manager.ID, f closure) error {
				return a.store.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
					n := manager.Session{Incarnation: s.Incarnation, Touched: s.Touched, Fields: s.Fields}
					list := s.History(nil)
					for _, m := range list[:max(0, len(list)-1)] {
						n.Append(m.Role, m.Content)
					}
					n.Version = s.Version
					return f(ctx, &n)
				})
			}
		},
		anomaly: history.StaleRead, // others show the message, once it is not the newest any more
		says:    []string{"without its newest message"},
		not:     []string{"two states in one answer", "half of one change", "writes back"},
	}}
	atOnce(t, tests, func(test test) string { return test.why }, func(t *testing.T, test test) {
		var texts map[history.Anomaly]string
		seen := false
		for attempt := 0; attempt < 20 && !seen; attempt++ { // which users meet is the scheduler's choice
			texts = explained(t, test.alter, verify.Config{Rounds: 12})
			_, seen = texts[test.anomaly]
			for _, part := range test.says {
				seen = seen && strings.Contains(texts[test.anomaly], part)
			}
		}
		if !seen {
			t.Errorf("want %s with %q, got %v", test.anomaly, test.says, texts)
		}
		for _, text := range texts {
			for _, part := range test.not {
				if strings.Contains(text, part) {
					t.Errorf("want no %q in:\n%s", part, text)
				}
			}
		}
	})
}

// TestEveryKindOfViolationIsReported verifies a store with two faults.
func TestEveryKindOfViolationIsReported(t *testing.T) {
	base, _ := strategies.Lookup("per-session")
	s := subject(base)
	open := s.Open
	s.Open = func(ts *verify.SyncPoints) (store, error) {
		inner, err := open(ts)
		return &altered{store: inner,
			len: func(ctx context.Context) (int, error) { n, err := inner.Len(ctx); return n + 1, err },
			view: func(ctx context.Context, id manager.ID, f closure) error {
				return inner.View(ctx, id, func(ctx context.Context, s *manager.Session) error {
					return f(ctx, &manager.Session{Incarnation: s.Incarnation, Version: s.Version, Touched: s.Touched})
				})
			}}, err
	}
	var found []history.Anomaly
	cfg := verify.Config{Subject: s, Seed: 1, Rounds: 12, Found: func(v *history.Violation) { found = append(found, v.Anomaly) }}
	r, err := verify.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	all := r.All()
	var order []int
	for _, v := range all {
		order = append(order, slices.Index(history.Anomalies(), v.Anomaly))
	}
	if len(all) < 2 || !slices.Contains(found, history.LeakedSessions) || !slices.IsSorted(order) {
		t.Fatalf("violations in this order: %d, found %q, want what the reads show, %s, and the most serious first", order, found, history.LeakedSessions)
	}
	if len(found) != len(all) {
		t.Errorf("Found was called with %q, and %d are reported", found, len(all))
	}
	cfg.First, cfg.Found = true, nil
	if r, err = verify.Run(t.Context(), cfg); err != nil || len(r.All()) != 1 || r.Rounds != 1 {
		t.Errorf("First: %d violations in %d rounds, error %v, want 1 in 1", len(r.All()), r.Rounds, err)
	}
}

// TestUntil repeats a round until a violation that shows in the third attempt, and gives up where there is none.
func TestUntil(t *testing.T) {
	opened := 0
	s := alteredSubject(func(*altered) {})
	open := s.Open
	s.Open = func(ts *verify.SyncPoints) (store, error) {
		inner, err := open(ts)
		opened++
		if opened < 11 { // stores that only the guarantees are looked at with are opened, too
			return inner, err
		}
		return &altered{store: inner, len: func(ctx context.Context) (int, error) { n, err := inner.Len(ctx); return n + 1, err }}, err
	}
	r, err := verify.Run(t.Context(), verify.Config{Subject: s, Seed: 9, Rounds: 1, Until: history.LeakedSessions})
	if err != nil || r.Violation == nil || r.Violation.Anomaly != history.LeakedSessions || r.Violation.Seed != 9 {
		t.Fatalf("%+v, error %v, want leaked sessions with seed 9", r.Violation, err)
	}
	if r.Attempts != r.Rounds || r.Attempts != 3 {
		t.Errorf("%d attempts in %d rounds, want 3", r.Attempts, r.Rounds)
	}
	base, _ := strategies.Lookup("per-session")
	r, err = verify.Run(t.Context(), verify.Config{Subject: subject(base), Seed: 9, Rounds: 1, Until: history.LostUpdate, Budget: 1})
	if err != nil || r.Verdict != history.Inconclusive || !strings.Contains(r.Why, "in 1 attempts") {
		t.Errorf("verdict %s (%s), error %v, want inconclusive", r.Verdict, r.Why, err)
	}
}

// TestOnlyReportedWorkIsDrawn verifies the same wrong target when it tells how long it worked in the session, and when it does not.
func TestOnlyReportedWorkIsDrawn(t *testing.T) {
	for _, tells := range []bool{true, false} {
		drawn := false
		for range 20 {
			r := newRemote(func(r *remote) {
				r.unlocked = true
				if !tells {
					r.tells &^= scenarios.ReportsHeld
				}
			})
			report := onTarget(t, r, verify.Config{First: true, Rounds: 20})
			if report.Violation == nil {
				continue
			}
			text := &sheet.Text{Options: sheet.Options{Width: 200}}
			timeline.Draw(text, report.Violation)
			if drawn = strings.Contains(text.String(), "┢"); drawn || !tells {
				break
			}
		}
		if drawn != tells {
			t.Errorf("work is reported: %v, drawn: %v", tells, drawn)
		}
	}
}
