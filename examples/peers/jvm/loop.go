package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// loop is a strategy with users that repeat the tape. It does what Bench.java does, and no more: no latencies, no audit but the sum
// of all appends.
type loop struct {
	store   manager.SessionStore[manager.Session]
	ids     []manager.ID
	tape    *tape
	text    string // messages are its beginnings
	users   []*user
	appends int64 // acknowledged, with those of the start
}

// user is a user with its place on the tape.
type user struct {
	*manager.ChatUser
	at      int
	history []manager.Message
	_       [128]byte // two users share no pair of cache lines
}

func openStore(name string) (manager.SessionStore[manager.Session], error) {
	s, ok := strategies.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("unknown strategy")
	}
	params, err := s.Resolve(nil)
	if err != nil {
		return nil, err
	}
	return s.Open(params)
}

// newLoop fills a store, which the loop closes.
func newLoop(store manager.SessionStore[manager.Session], c cell, t *tape) (*loop, error) {
	l := &loop{store: store, ids: make([]manager.ID, c.sessions), tape: t, text: strings.Repeat("x", t.size)}
	for i := range l.ids {
		l.ids[i] = uuid.New()
		create := func() (v manager.Session) {
			for range manager.HistoryLimit {
				v.Append("user", l.text)
			}
			return v
		}
		if _, err := store.GetOrCreate(context.Background(), l.ids[i], create, nil); err != nil {
			return nil, err
		}
		l.appends += manager.HistoryLimit
	}
	for _, at := range t.starts {
		own := store
		if per, ok := store.(strategies.PerUser[manager.Session]); ok {
			own = per.User()
		}
		l.users = append(l.users, &user{
			ChatUser: manager.NewChatbot(own).User(), at: at, history: make([]manager.Message, 0, manager.HistoryLimit),
		})
	}
	return l, nil
}

func (l *loop) block(length time.Duration) (block, error) {
	var (
		wg           sync.WaitGroup
		stop         atomic.Bool
		ops, appends atomic.Int64
		failed       atomic.Pointer[error]
		start        = make(chan time.Time, len(l.users))
	)
	for _, u := range l.users {
		wg.Go(func() {
			n, appended, err := l.use(u, (<-start).Add(length), &stop)
			if err != nil {
				failed.Store(&err)
			}
			ops.Add(n)
			appends.Add(appended)
		})
	}
	began, cpu := time.Now(), processorTime()
	for range l.users {
		start <- began
	}
	wg.Wait()
	done := block{took: time.Since(began), cpu: processorTime() - cpu}
	if err := failed.Load(); err != nil {
		return block{}, *err
	}
	l.appends += appends.Load()
	done.ops = ops.Load()
	return done, l.audit()
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// use has a user work until the first user has seen that the time is over.
func (l *loop) use(u *user, end time.Time, stop *atomic.Bool) (ops, appends int64, err error) {
	ctx, tape, at := context.Background(), l.tape.ops, u.at
	for {
		if ops&255 == 0 && (stop.Load() || !time.Now().Before(end)) {
			stop.Store(true)
			u.at = at
			return ops, appends, nil
		}
		op := tape[at]
		if at++; at == len(tape) {
			at = 0
		}
		id := l.ids[slotOf(op)]
		if isRead(op) {
			u.history, err = u.History(ctx, id, u.history[:0])
		} else {
			_, err = u.AddMessage(ctx, id, "user", l.text[:sizeOf(op)])
			appends++
		}
		if err != nil {
			return ops, appends, err
		}
		ops++
	}
}

// audit returns an error if an append is lost. noop stores nothing.
func (l *loop) audit() error {
	n, err := l.store.Len(context.Background())
	if err != nil || n == 0 {
		return err
	}
	sum := int64(0)
	for _, id := range l.ids {
		err := l.store.View(context.Background(), id, func(_ context.Context, s *manager.Session) error {
			sum += int64(s.Seq)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if sum != l.appends {
		return fmt.Errorf("%d appends are in the sessions, %d were acknowledged", sum, l.appends)
	}
	return nil
}

func (l *loop) close() { _ = l.store.Close() }
