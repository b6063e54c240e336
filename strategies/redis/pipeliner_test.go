package redis

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// barrier is a hook of a client that stops each of its pipelines, and shows it on came.
type barrier struct{ came chan *stop }

// stop is where a pipeline of so many commands waits for what is to become of it: nil sends it.
type stop struct {
	commands int
	leave    chan func()
}

func (b *barrier) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (b *barrier) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (b *barrier) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		s := &stop{len(cmds), make(chan func())}
		b.came <- s
		if fate := <-s.leave; fate != nil {
			fate()
		}
		return next(ctx, cmds)
	}
}

// held is a pipeliner with a pipeline of one command stopped on each lane.
type held struct {
	*pipeliner
	*barrier
	t                *testing.T
	filling          []*stop
	fillers, callers sync.WaitGroup
}

func newHeld(t *testing.T, client *goredis.Client) *held {
	b := &barrier{make(chan *stop)}
	client.AddHook(b)
	h := &held{pipeliner: &pipeliner{client: client}, barrier: b, t: t}
	for range lanes {
		h.fillers.Go(func() { h.echo(background, 0, answered(t, 0)) })
		s := <-h.came
		if s.commands != 1 {
			t.Errorf("%d commands in a pipeline with a free lane, want 1", s.commands)
		}
		h.filling = append(h.filling, s)
	}
	return h
}

// free lets the pipelines leave that newHeld stopped.
func (h *held) free() {
	for _, s := range h.filling {
		close(s.leave)
	}
}

// echo asks for n, and hands over what comes.
func (h *held) echo(ctx context.Context, n int, came func(string, error)) {
	cmd := goredis.NewStringCmd(ctx, "echo", n)
	err := h.process(ctx, cmd)
	came(cmd.Val(), err)
}

// ask calls echo on another goroutine.
func (h *held) ask(ctx context.Context, n int, came func(string, error)) {
	h.callers.Go(func() { h.echo(ctx, n, came) })
}

// answered wants the answer to echo n.
func answered(t *testing.T, n int) func(string, error) {
	return func(got string, err error) {
		if err != nil || got != strconv.Itoa(n) {
			t.Errorf("echo %d: %q, %v", n, got, err)
		}
	}
}

// queued waits until so many commands wait.
func (h *held) queued(want int) {
	h.t.Helper()
	n := -1
	for late := time.Now().Add(time.Minute); n != want; time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			h.t.Fatalf("%d commands wait, want %d", n, want)
		}
		h.mu.Lock()
		n = 0
		for _, line := range h.waiting {
			n += len(line.commands)
		}
		h.mu.Unlock()
	}
}

// over waits until all calls have returned, and checks that all lanes are free again.
func (h *held) over() {
	h.fillers.Wait()
	h.callers.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.underWay != 0 || len(h.waiting) != 0 {
		h.t.Errorf("%d lanes taken, %d pipelines waiting: want none", h.underWay, len(h.waiting))
	}
}

// TestCommandsShareRoundTrips: with all lanes taken, commands gather, and go in as few pipelines as they fit into. Each gets
// its own answer.
func TestCommandsShareRoundTrips(t *testing.T) {
	_, client, _ := newServer(t)
	h := newHeld(t, client)
	const all = 2*capacity + capacity/2
	for n := range all {
		h.ask(background, n, answered(t, n))
	}
	h.queued(all)
	h.free()
	var sizes []int
	for range 3 {
		s := <-h.came
		sizes = append(sizes, s.commands)
		close(s.leave)
	}
	slices.Sort(sizes)
	if want := []int{capacity / 2, capacity, capacity}; !slices.Equal(sizes, want) {
		t.Errorf("pipelines of %v commands, want %v", sizes, want)
	}
	h.over()
}

// TestCancelledCommandLeavesTheQueue: a command whose ctx ends before its pipeline leaves is not sent, and the others are. One that is
// under way gets its answer.
func TestCancelledCommandLeavesTheQueue(t *testing.T) {
	_, client, _ := newServer(t)
	h := newHeld(t, client)
	ctx, cancel := context.WithCancel(background)
	canceled := func(_ string, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v: want context.Canceled", err)
		}
	}
	h.ask(ctx, 1, canceled)
	h.queued(1)
	cancel()
	h.queued(0) // the whole pipeline is gone

	ctx, cancel = context.WithCancel(background)
	h.ask(ctx, 2, canceled)
	h.queued(1)
	h.ask(background, 3, answered(t, 3))
	h.queued(2)
	cancel()
	h.queued(1)
	ctx, cancel = context.WithCancel(background)
	h.ask(ctx, 4, answered(t, 4))
	h.queued(2)
	h.free()
	s := <-h.came
	if s.commands != 2 {
		t.Errorf("%d commands left, want 2", s.commands)
	}
	cancel() // too late
	close(s.leave)
	h.over()
}

// TestPipelineFailureFailsEachCommand: none looks answered that was not.
func TestPipelineFailureFailsEachCommand(t *testing.T) {
	for _, row := range []struct {
		why  string
		fate func(*losses)
	}{
		{"the connection", func(lost *losses) { lost.armed.Store(1) }},
		{"a hook that panics", func(*losses) { panic("a hook") }},
		{"a hook that ends the goroutine", func(*losses) { runtime.Goexit() }},
	} {
		t.Run(row.why, func(t *testing.T) {
			_, client, lost := newServer(t)
			h := newHeld(t, client)
			const together = 3
			cmds := make([]*goredis.StringCmd, together)
			for n := range cmds {
				cmds[n] = goredis.NewStringCmd(background, "echo", n)
				h.callers.Go(func() {
					defer func() { _ = recover() }()
					_ = h.process(background, cmds[n])
				})
			}
			h.queued(together)
			h.free()
			s := <-h.came
			h.fillers.Wait()
			s.leave <- func() { row.fate(lost) }
			h.over()
			for n, cmd := range cmds {
				if cmd.Err() == nil {
					t.Errorf("echo %d of %d: %q", n, s.commands, cmd.Val())
				}
			}
		})
	}
}

// TestCommandsRejectedByTheClientAreNotApplied: it blames no command of a pipeline that it did not send.
func TestCommandsRejectedByTheClientAreNotApplied(t *testing.T) {
	for _, row := range []struct {
		why    string
		refuse func(*miniredis.Miniredis, *goredis.Client)
	}{
		{"a password", func(server *miniredis.Miniredis, _ *goredis.Client) { server.RequireAuth("another") }},
		{"a hook", func(_ *miniredis.Miniredis, client *goredis.Client) { client.AddHook(refusing{}) }},
	} {
		server, client, _ := newServer(t, func(o *goredis.Options) { o.Password = "wrong" })
		row.refuse(server, client)
		id := uuid.New()
		for _, pipelining := range []bool{false, true} {
			s := newStore(t, client, WithAtomic(Lock), WithPipelining(pipelining))
			created, err := s.GetOrCreate(background, id, zero, nil)
			if created || !errors.Is(err, manager.ErrNotApplied) {
				t.Errorf("%s: GetOrCreate: %v, %v, want ErrNotApplied", row.why, created, err)
			}
			ctx, cancel := context.WithTimeout(background, time.Minute)
			defer cancel()
			if err := s.Update(ctx, id, increment); !errors.Is(err, manager.ErrNotApplied) || ctx.Err() != nil {
				t.Errorf("%s: Update: %v, want ErrNotApplied at once", row.why, err)
			}
			l, err := NewLists(client, "lists:", ListsOptions{Pipelining: pipelining})
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := l.Version(background, id); !errors.Is(err, manager.ErrNotApplied) {
				t.Errorf("%s: Version: %v, want ErrNotApplied", row.why, err)
			}
		}
	}
}

// refusing is a hook, such as a circuit breaker, that lets nothing through.
type refusing struct{}

var errOpen = errors.New("the circuit is open")

func (refusing) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (refusing) ProcessHook(goredis.ProcessHook) goredis.ProcessHook {
	return func(context.Context, goredis.Cmder) error { return errOpen }
}

func (refusing) ProcessPipelineHook(goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(context.Context, []goredis.Cmder) error { return errOpen }
}

// TestLostAnswersInAPipeline: what was written may have been carried out, what was read was not.
func TestLostAnswersInAPipeline(t *testing.T) {
	_, client, lost := newServer(t)
	s := newStore(t, client, WithAtomic(Lua), WithPipelining(true))
	id := create(t, s)
	if err := s.Update(background, id, increment); err != nil { // the server knows the script from now on
		t.Fatal(err)
	}
	err := s.Update(background, id, func(ctx context.Context, c *counter) error {
		lost.armed.Store(1)
		return increment(ctx, c)
	})
	if !errors.Is(err, manager.ErrIndeterminate) {
		t.Errorf("an update whose answer is lost: %v, want ErrIndeterminate", err)
	}
	lost.armed.Store(1)
	if err := s.View(background, id, func(context.Context, *counter) error { return nil }); !errors.Is(err, manager.ErrNotApplied) {
		t.Errorf("a look whose answer is lost: %v, want ErrNotApplied", err)
	}
	if n := count(t, s, id); n != 2 {
		t.Errorf("the session counts %d, want 2", n)
	}
}

func TestWatchIsNotPipelined(t *testing.T) {
	_, client, _ := newServer(t)
	if _, err := New[counter](client, "test:", WithPipelining(true)); !errors.Is(err, errWatchPipelined) {
		t.Errorf("pipelining with the default: %v, want %v", err, errWatchPipelined)
	}
	s := Strategy(Options{})
	if _, err := s.Resolve(map[string]string{"pipelining": "on"}); !errors.Is(err, errWatchPipelined) {
		t.Errorf("the strategy: %v, want %v", err, errWatchPipelined)
	}
	for _, fine := range []map[string]string{{"atomic": "lua"}, {"atomic": "lock"}, {"layout": "list"}} {
		fine["pipelining"] = "on"
		if _, err := s.Resolve(fine); err != nil {
			t.Errorf("%v: %v", fine, err)
		}
	}
}
