package redis_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/internal/redistest"
	"github.com/sessbench/sessbench/internal/verify"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies/redis"
)

// Two common ways to use Redis wrongly (internal/flawed has them on an embedded server): the other tests must fail with
// them on Debian's server, too.

// getSet updates by GET, the change, and SET.
type getSet struct {
	manager.SessionStore[manager.Session]
	client goredis.UniversalClient
	prefix string
}

func (s getSet) Update(ctx context.Context, id manager.ID, fn func(context.Context, *manager.Session) error) error {
	if err := ctx.Err(); err != nil {
		return manager.NotApplied(err)
	}
	key := s.prefix + "{" + id.String() + "}"
	there, err := s.client.Get(background, key).Bytes()
	if errors.Is(err, goredis.Nil) {
		return manager.ErrNotFound
	}
	if err != nil {
		return err
	}
	begin := bytes.IndexByte(there, '{') // of the JSON, behind what the store keeps
	var session manager.Session
	if err := json.Unmarshal(there[begin:], &session); err != nil {
		return err
	}
	if err := fn(ctx, &session); err != nil {
		return err
	}
	text, err := json.Marshal(&session)
	if err != nil {
		return err
	}
	return s.client.Set(background, key, append(there[:begin], text...), 0).Err()
}

func TestRealVerifyRejectsGetSet(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c := connect(t, redis.Options{URL: server.URL(), Users: verify.DefaultUsers})
	r := examine(t, 10, verify.Subject{
		Label: "redis-get-set", Guarantees: redis.Strategy(redis.Options{}).Guarantees,
		Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) {
			s, err := redis.New[manager.Session](c.Client(), c.Prefix())
			return getSet{s, c.Client(), c.Prefix()}, err
		},
	})
	wantViolation(t, r)
}

// retryTwice repeats an update whose answer was lost, although it may have taken effect.
type retryTwice[T any] struct{ manager.SessionStore[T] }

func (s retryTwice[T]) Update(ctx context.Context, id manager.ID, fn func(context.Context, *T) error) error {
	for {
		if err := s.SessionStore.Update(ctx, id, fn); !errors.Is(err, manager.ErrIndeterminate) {
			return err
		}
	}
}

func TestRealRetryTwiceIsRejected(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	t.Run("by verify", func(t *testing.T) {
		t.Parallel()
		p := NewProxy(t, server.Addr(), EveryNth(4, AnswerLost, "exec"))
		c := connect(t, redis.Options{URL: p.URL(), Users: verify.DefaultUsers})
		r := examine(t, 10, verify.Subject{
			Label: "redis-retry-twice", Guarantees: redis.Strategy(redis.Options{}).Guarantees,
			Open: func(*verify.SyncPoints) (manager.SessionStore[manager.Session], error) {
				s, err := redis.New[manager.Session](c.Client(), c.Prefix(), redis.WithAtomic(redis.Watch))
				return retryTwice[manager.Session]{s}, err
			},
		})
		wantViolation(t, r)
	})
	t.Run("when answers are lost", func(t *testing.T) {
		for _, right := range storeWays() {
			wrong := way{right.name, func(t *testing.T, client goredis.UniversalClient, prefix string) backend {
				return storeBackend{retryTwice[ledger]{right.open(t, client, prefix).(storeBackend)}}
			}}
			t.Run(wrong.name, func(t *testing.T) {
				t.Parallel()
				f := &faultInjector{}
				p := NewProxy(t, server.Addr(), f.judge)
				violations := f.run(t, wrong, redis.Options{URL: p.URL()}, []*Proxy{p}, inPlace(150))
				if !slices.ContainsFunc(violations, func(v string) bool { return strings.Contains(v, "made twice") }) {
					t.Errorf("updates are repeated after a lost answer, and the audit finds %q", violations)
				}
			})
		}
	})
}

// wantViolation fails the test unless verify has found a history that is not linearizable. Any other violation would be an
// error of the test.
func wantViolation(t *testing.T, r *verify.Report) {
	t.Helper()
	if r.Verdict != history.Violated || r.Violation.Detector != history.ByWitness && r.Violation.Detector != history.ByPorcupine {
		t.Fatalf("%s: %s: %s %+v, want a history that is not linearizable", r.Subject, r.Verdict, r.Why, r.Violation)
	}
	t.Logf("%s: %s (%s): %s", r.Subject, r.Violation.Anomaly, r.Violation.Detector, r.Violation.Why)
}
