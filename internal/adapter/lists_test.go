package adapter

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// plainLists keeps lists in memory for one goroutine.
type plainLists struct {
	lists  map[manager.ID]*plainList
	count  uint64 // sessions ever created
	closed bool
}

type plainList struct {
	incarnation uint64
	touches     uint64
	messages    []manager.Message
}

var _ Lists = (*plainLists)(nil)

func (p *plainLists) GetOrCreate(_ context.Context, id manager.ID) (created bool, incarnation uint64, err error) {
	if p.lists[id] == nil {
		p.count++
		p.lists[id], created = &plainList{incarnation: p.count}, true
	}
	return created, p.lists[id].incarnation, nil
}

func (p *plainLists) CreateSession(ctx context.Context) (manager.ID, error) {
	id := uuid.New()
	_, _, err := p.GetOrCreate(ctx, id)
	return id, err
}

func (p *plainLists) AddMessage(_ context.Context, id manager.ID, role, content string) (seq, incarnation uint64, err error) {
	l := p.lists[id]
	if l == nil {
		return 0, 0, manager.ErrNotFound
	}
	l.messages = append(l.messages, manager.Message{Seq: uint64(len(l.messages) + 1), Role: role, Content: content})
	return uint64(len(l.messages)), l.incarnation, nil
}

func (p *plainLists) History(_ context.Context, id manager.ID, dst []manager.Message) ([]manager.Message, uint64, error) {
	l := p.lists[id]
	if l == nil {
		return dst, 0, manager.ErrNotFound
	}
	return append(dst, l.messages...), l.incarnation, nil
}

func (p *plainLists) Validate(_ context.Context, id manager.ID) error {
	if p.lists[id] == nil {
		return manager.ErrNotFound
	}
	return nil
}

func (p *plainLists) Touch(ctx context.Context, id manager.ID) (version, incarnation uint64, err error) {
	if l := p.lists[id]; l != nil {
		l.touches++
	}
	return p.Version(ctx, id)
}

func (p *plainLists) Version(_ context.Context, id manager.ID) (version, incarnation uint64, err error) {
	l := p.lists[id]
	if l == nil {
		return 0, 0, manager.ErrNotFound
	}
	return l.touches + uint64(len(l.messages)), l.incarnation, nil
}

// ExpireIdle treats every session as last used an hour ago.
func (p *plainLists) ExpireIdle(_ context.Context, ttl time.Duration, _ func(manager.ID, manager.Session)) (int, error) {
	n := len(p.lists)
	if ttl > time.Hour {
		return 0, nil
	}
	clear(p.lists)
	return n, nil
}

func (p *plainLists) DeleteSession(_ context.Context, id manager.ID) (seq, incarnation uint64, err error) {
	l := p.lists[id]
	if l == nil {
		return 0, 0, manager.ErrNotFound
	}
	delete(p.lists, id)
	return uint64(len(l.messages)), l.incarnation, nil
}

func (p *plainLists) Reset(context.Context) error { clear(p.lists); return nil }

func (p *plainLists) Len(context.Context) (int, error) { return len(p.lists), nil }

func (p *plainLists) Close() error { p.closed = true; return nil }

func TestOfLists(t *testing.T) {
	ctx := context.Background()
	lists := &plainLists{lists: map[manager.ID]*plainList{}}
	l := OfLists(lists)
	c, id := connect(t, l), manager.ID(uuid.New())
	var a scenarios.Effect
	const life, seq, version = scenarios.ReportsIncarnation, scenarios.ReportsSeq, scenarios.ReportsVersion
	for i, step := range []struct {
		q    scenarios.Request
		want scenarios.Effect
		err  error
	}{
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: life, Created: true, Incarnation: 1}, nil},
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: life, Incarnation: 1}, nil},
		{scenarios.Request{Op: scenarios.Append, Role: "user", Content: "hi"}, scenarios.Effect{Reported: life | seq | scenarios.ReportsHeld, Incarnation: 1, Seq: 1}, nil},
		{scenarios.Request{Op: scenarios.History}, scenarios.Effect{Reported: life, Incarnation: 1,
			Messages: []manager.Message{{Seq: 1, Role: "user", Content: "hi"}}}, nil},
		{scenarios.Request{Op: scenarios.Validate}, scenarios.Effect{}, nil},
		{scenarios.Request{Op: scenarios.Touch}, scenarios.Effect{Reported: life | version | scenarios.ReportsHeld, Incarnation: 1, Version: 2}, nil},
		{scenarios.Request{Op: scenarios.Read}, scenarios.Effect{Reported: life | version, Incarnation: 1, Version: 2}, nil},
		{scenarios.Request{Op: scenarios.Sweep, Idle: 2 * time.Hour}, scenarios.Effect{}, nil},
		{scenarios.Request{Op: scenarios.Delete}, scenarios.Effect{Reported: life | seq, Incarnation: 1, Seq: 1}, nil},
		{scenarios.Request{Op: scenarios.Delete}, scenarios.Effect{}, manager.ErrNotFound},
		{scenarios.Request{Op: scenarios.Append}, scenarios.Effect{}, manager.ErrNotFound},
		{scenarios.Request{Op: scenarios.Validate}, scenarios.Effect{}, manager.ErrNotFound},
		{scenarios.Request{Op: scenarios.Touch}, scenarios.Effect{}, manager.ErrNotFound},
		{scenarios.Request{Op: scenarios.Read}, scenarios.Effect{}, manager.ErrNotFound},
		{scenarios.Request{Op: scenarios.GetOrCreate}, scenarios.Effect{Reported: life, Created: true, Incarnation: 2}, nil},
		{scenarios.Request{Op: scenarios.Sweep, Idle: time.Minute}, scenarios.Effect{Removed: 1}, nil},
		{scenarios.Request{Op: scenarios.Update}, scenarios.Effect{}, scenarios.ErrUnsupported},
	} {
		step.q.ID = id
		err := c.Do(ctx, &step.q, &a)
		a.Messages = append([]manager.Message(nil), a.Messages...)
		if diff := cmp.Diff(step.want, a); diff != "" || !errors.Is(err, step.err) {
			t.Errorf("step %d, %v: %v, want %v (-want +got):\n%s", i+1, step.q.Op, err, step.err, diff)
		}
		if l.Supports(step.q.Op) == errors.Is(err, scenarios.ErrUnsupported) {
			t.Errorf("%v: Supports is %v, Do returned %v", step.q.Op, l.Supports(step.q.Op), err)
		}
	}
	for op := range scenarios.NumOps {
		if err := c.Do(ctx, &scenarios.Request{Op: op, ID: uuid.New()}, &a); l.Supports(op) == errors.Is(err, scenarios.ErrUnsupported) {
			t.Errorf("%v: Supports is %v, Do returned %v: want a case in Do for each row", op, l.Supports(op), err)
		}
	}
	if err := l.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	created := do(t, c, scenarios.Request{Op: scenarios.Create})
	if !created.Created || lists.lists[created.ID] == nil || created.Reported != 0 {
		t.Errorf("create: %+v", created)
	}
	if census, err := l.Census(ctx); err != nil || census.Sessions != 1 {
		t.Errorf("census %+v, %v: want 1 session", census, err)
	}
	if err := errors.Join(l.Reset(ctx), l.Close()); err != nil || len(lists.lists) != 0 || !lists.closed {
		t.Errorf("reset and close: %v, %d sessions left, closed %v", err, len(lists.lists), lists.closed)
	}
}

// The work is done before the message is added, and stops when ctx ends.
func TestOfListsWork(t *testing.T) {
	c, id := connect(t, OfLists(&plainLists{lists: map[manager.ID]*plainList{}})), manager.ID(uuid.New())
	do(t, c, scenarios.Request{Op: scenarios.GetOrCreate, ID: id})
	const hold = 3 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	for _, background := range []bool{true, false} {
		for _, spin := range []bool{true, false} {
			q, a, with := scenarios.Request{Op: scenarios.Append, ID: id, Hold: hold, Spin: spin}, scenarios.Effect{}, ctx
			if background {
				with = context.Background()
			}
			if err := c.Do(with, &q, &a); err != nil || a.Held <= hold/4 { // a spin is calibrated, and may be shorter
				t.Errorf("spin %v: held %v, %v: want %v", spin, a.Held, err, hold)
			}
		}
	}
	time.AfterFunc(time.Millisecond, cancel)
	var a scenarios.Effect
	err := c.Do(ctx, &scenarios.Request{Op: scenarios.Append, ID: id, Hold: time.Hour}, &a)
	wantError(t, err, []error{manager.ErrNotApplied, context.Canceled}, nil)
	if history := do(t, c, scenarios.Request{Op: scenarios.History, ID: id}); len(history.Messages) != 4 {
		t.Errorf("%d messages, want 4", len(history.Messages))
	}
}
