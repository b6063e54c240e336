package verify_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
)

// TestObservedSweeps verifies stores whose sweeps are wrong only for the sessions of the observation, so that no round shows it.
func TestObservedSweeps(t *testing.T) {
	observed := func(s *manager.Session) bool { return s.Touched == 1 || s.Touched == 2 } // others have times
	for _, test := range []struct {
		why, says string
		alter     func(*altered)
	}{
		{"an old state is passed", "stale state", func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return a.store.Sweep(ctx, expired, func(id manager.ID, last manager.Session) {
					if observed(&last) {
						last = *last.Clone()
						last.SetFields(map[string]string{"left": "old"})
					}
					removed(id, last)
				})
			}
		}},
		{"one session is passed twice", "twice", func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return a.store.Sweep(ctx, expired, func(id manager.ID, last manager.Session) {
					removed(id, last)
					if observed(&last) {
						removed(id, last)
					}
				})
			}
		}},
		{"a session in use is removed", "in use", func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				return a.store.Sweep(ctx, func(id manager.ID, s *manager.Session) bool { return expired(id, s) || observed(s) }, removed)
			}
		}},
		{"nothing is removed while an update runs", "idle, and was not removed", func(a *altered) {
			var busy atomic.Int64
			a.update = func(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
				return a.store.Update(ctx, id, func(ctx context.Context, s *manager.Session) error {
					busy.Add(1)
					defer busy.Add(-1)
					return fn(ctx, s)
				})
			}
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				stops := busy.Load() > 0
				return a.store.Sweep(ctx, func(id manager.ID, s *manager.Session) bool {
					return !(stops && observed(s)) && expired(id, s)
				}, removed)
			}
		}},
		{"a session that comes into use is removed", "came into use", func(a *altered) {
			a.sweep = func(ctx context.Context, expired func(manager.ID, *manager.Session) bool, removed func(manager.ID, manager.Session)) (int, error) {
				copies := map[manager.ID]*manager.Session{}
				n, err := a.store.Sweep(ctx, func(id manager.ID, s *manager.Session) bool {
					if !observed(s) {
						return expired(id, s)
					}
					copies[id] = s.Clone()
					return false
				}, removed)
				for id, s := range copies {
					if !expired(id, s) {
						continue
					}
					if last, err := a.store.Delete(ctx, id); err == nil {
						n++
						removed(id, last)
					}
				}
				return n, err
			}
		}},
	} {
		t.Run(strings.ReplaceAll(test.why, " ", "-"), func(t *testing.T) {
			r, err := verify.Run(t.Context(), verify.Config{Subject: alteredSubject(test.alter), First: true, Seed: 1, Rounds: 1})
			if err != nil {
				t.Fatal(err)
			}
			if v := r.Violation; v == nil || v.Anomaly != history.WrongSweep || v.History != nil || !strings.Contains(v.Why, test.says) {
				t.Errorf("%+v, want a wrong sweep: %q", v, test.says)
			}
		})
	}
}
