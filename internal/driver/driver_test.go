package driver

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/internal/history"
	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
)

// local returns a driver of each kind over a fresh store.
func local(t *testing.T) map[string]scenarios.Conn {
	t.Helper()
	open := func() manager.SessionStore[manager.Session] { return strategies.NewPerSession[manager.Session]() }
	removed := func(manager.ID, manager.Session) {}
	opts := []manager.Option{manager.WithTTL(time.Hour), manager.OnRemove(removed)}
	boards := open()
	b, err := manager.NewBrainstorming(boards, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]scenarios.Conn{
		"chat":  NewChat(open(), opts...),
		"board": NewBoard(b.Over(boards, opts...)),
		"store": NewStore(open(), 7, nil, removed),
	}
}

// Each operation is performed on a session, or is unsupported, and reports the incarnation and the
// count that its properties promise.
func TestEffectsHaveWhatThePropertiesPromise(t *testing.T) {
	for name, d := range local(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			q := &scenarios.Request{ID: uuid.New(), Role: "user", Content: "hello", Fields: map[string]string{"goal": "hello"}, Idle: time.Hour}
			e := &scenarios.Effect{}
			for _, op := range []scenarios.Op{scenarios.Create, scenarios.GetOrCreate} {
				q.Op = op
				switch err := d.Do(ctx, q, e); {
				case errors.Is(err, scenarios.ErrUnsupported):
				case err != nil:
					t.Fatalf("%v: %v", op, err)
				case op.Does(scenarios.Mints):
					q.ID = e.ID
				case !e.Created || e.Incarnation != e.Made:
					t.Errorf("%v: %+v, want a new session with the incarnation that this user made", op, e)
				}
			}
			for op := range scenarios.NumOps {
				if op.Does(scenarios.Mints | scenarios.Ensures | scenarios.Removes | scenarios.RemovesIdle) {
					continue
				}
				*e = scenarios.Effect{}
				q.Op = op
				err := d.Do(ctx, q, e)
				if errors.Is(err, scenarios.ErrUnsupported) {
					continue
				}
				if err != nil {
					t.Fatalf("%v: %v", op, err)
				}
				if e.Reported&scenarios.ReportsIncarnation == 0 || e.Incarnation == 0 {
					t.Errorf("%v: %+v, want the incarnation", op, e)
				}
				if op.Does(scenarios.AddsMessage) && (e.Reported&scenarios.ReportsSeq == 0 || e.Seq != 1) {
					t.Errorf("%v: %+v, want message 1", op, e)
				}
				if op.Does(scenarios.SetsFields|scenarios.RecordsUse) && (e.Reported&scenarios.ReportsVersion == 0 || e.Version == 0) {
					t.Errorf("%v: %+v, want the version", op, e)
				}
				if op.Does(scenarios.ReadsMessages) && len(e.Messages) != 1 || op.Does(scenarios.ReadsFields) && e.Fields["goal"] != "hello" {
					t.Errorf("%v: %+v, want what was written", op, e)
				}
			}
			q.Op = scenarios.Delete
			if err := d.Do(ctx, q, e); err != nil {
				t.Errorf("delete: %v", err)
			}
			q.Op = scenarios.Sweep
			if err := d.Do(ctx, q, e); err != nil || e.Removed != 0 {
				t.Errorf("sweep after all was deleted: %d removed, %v", e.Removed, err)
			}
		})
	}
}

func TestStoreIncarnationsAreTagsOfTheUser(t *testing.T) {
	d := local(t)["store"]
	e := &scenarios.Effect{}
	for n := range uint64(3) {
		q := &scenarios.Request{Op: scenarios.GetOrCreate, ID: uuid.New()}
		if err := d.Do(context.Background(), q, e); err != nil {
			t.Fatal(err)
		}
		if got, want := history.Tag(e.Incarnation), history.NewTag(7, n); got != want {
			t.Errorf("incarnation %v, want %v", got, want)
		}
	}
}

// answering is a connection that reports an incarnation, or none.
type answering struct{ reported scenarios.Reported }

func (a answering) Do(_ context.Context, _ *scenarios.Request, e *scenarios.Effect) error {
	*e = scenarios.Effect{Reported: a.reported, Incarnation: 42}
	return nil
}

func (answering) Close() error { return nil }

func TestTargetIncarnations(t *testing.T) {
	id := uuid.New()
	of := manager.IncarnationOf(id)
	for _, row := range []struct {
		why      string
		reuses   bool
		reported scenarios.Reported
		want     uint64
		known    bool
	}{
		{"an id that is used once determines the incarnation", false, 0, of, true},
		{"so it does where the target numbers them in its own way", false, scenarios.ReportsIncarnation, of, true},
		{"under a reused id it is the target's", true, scenarios.ReportsIncarnation, 42, true},
		{"without a report all under the id count as one, which the effect does not hide", true, 0, of | 1, false},
	} {
		e := &scenarios.Effect{}
		err := NewTarget(answering{row.reported}, row.reuses).Do(context.Background(), &scenarios.Request{ID: id}, e)
		if known := e.Reported&scenarios.ReportsIncarnation != 0; err != nil || e.Incarnation != row.want || known != row.known {
			t.Errorf("%s: %x, reported %v, error %v: want %x, reported %v", row.why, e.Incarnation, known, err, row.want, row.known)
		}
	}
}
