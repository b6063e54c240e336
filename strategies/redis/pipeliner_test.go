package redis

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// barrier is a hook of a client that counts its pipelines, and holds each back until the barrier is open.
type barrier struct {
	came chan int      // the commands of a pipeline, when it comes
	open chan struct{} // lets one go for each that is received, all when it is closed
}

func (b *barrier) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (b *barrier) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook { return next }

func (b *barrier) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []goredis.Cmder) error {
		b.came <- len(cmds)
		<-b.open
		return next(ctx, cmds)
	}
}

// held is a pipeliner whose pipelines are held back.
type held struct {
	*pipeliner
	*barrier
	t       *testing.T
	callers sync.WaitGroup
}

func newHeld(t *testing.T, client *goredis.Client) *held {
	b := &barrier{make(chan int, 100), make(chan struct{})}
	client.AddHook(b)
	return &held{pipeliner: &pipeliner{client: client}, barrier: b, t: t}
}

// echo asks for n, and hands over what came.
func (h *held) echo(ctx context.Context, n int, got func(string, error)) {
	h.callers.Go(func() {
		cmd := goredis.NewStringCmd(ctx, "echo", n)
		err := h.process(ctx, cmd)
		got(cmd.Val(), err)
	})
}

// queued waits until so many commands wait.
func (h *held) queued(want int) {
	for n := -1; n != want; {
		h.mu.Lock()
		n = 0
		for _, line := range h.waiting {
			n += len(line.commands)
		}
		h.mu.Unlock()
	}
}

// fill lets a pipeline of one command leave on every lane.
func (h *held) fill(got func(string, error)) {
	for range lanes {
		h.echo(background, 0, got)
		if n := <-h.came; n != 1 {
			h.t.Errorf("%d commands in a pipeline with a free lane, want 1", n)
		}
	}
}

// TestCommandsShareRoundTrips: with all lanes taken, commands gather, and go in as few pipelines as they fit into. Each gets
// its own answer.
func TestCommandsShareRoundTrips(t *testing.T) {
	_, client, _ := newServer(t)
	h := newHeld(t, client)
	wants := func(n int) func(string, error) {
		return func(got string, err error) {
			if err != nil || got != strconv.Itoa(n) {
				t.Errorf("echo %d: %q, %v", n, got, err)
			}
		}
	}
	h.fill(wants(0))
	const all = 2*capacity + capacity/2
	for n := range all {
		h.echo(background, n, wants(n))
	}
	h.queued(all)
	close(h.open)
	h.callers.Wait()
	close(h.came)
	var sizes []int
	for n := range h.came {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	if want := []int{capacity / 2, capacity, capacity}; !slices.Equal(sizes, want) {
		t.Errorf("pipelines of %v commands, want %v", sizes, want)
	}
	if h.underWay != 0 || len(h.waiting) != 0 {
		t.Errorf("%d lanes taken, %d pipelines waiting: want none", h.underWay, len(h.waiting))
	}
}

// TestACommandThatIsTooLateStays: whose ctx ends before the pipeline leaves is not sent, and the others are.
func TestACommandThatIsTooLateStays(t *testing.T) {
	_, client, _ := newServer(t)
	h := newHeld(t, client)
	fine := func(_ string, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	h.fill(fine)
	ctx, cancel := context.WithCancel(background)
	h.echo(ctx, 1, func(_ string, err error) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v: want context.Canceled", err)
		}
	})
	h.queued(1)
	h.echo(background, 2, fine)
	h.queued(2)
	cancel()
	close(h.open)
	h.callers.Wait()
	if n := <-h.came; n != 1 {
		t.Errorf("%d commands left, want 1", n)
	}
}

// TestAConnectionFailsAllThatShareIt: and nobody else.
func TestAConnectionFailsAllThatShareIt(t *testing.T) {
	_, client, lost := newServer(t)
	h := newHeld(t, client)
	fine := func(_ string, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	arrived := make(chan struct{}, lanes)
	h.fill(func(_ string, err error) { fine("", err); arrived <- struct{}{} })
	const together = 3
	for n := range together {
		h.echo(background, n, func(got string, err error) {
			if err == nil {
				t.Errorf("echo %d: %q, and the connection failed", n, got)
			}
		})
	}
	h.queued(together)
	for range lanes {
		h.open <- struct{}{}
		<-arrived
	}
	if n := <-h.came; n != together {
		t.Errorf("%d commands together, want %d", n, together)
	}
	lost.armed.Store(1)
	h.open <- struct{}{}
	h.callers.Wait()
	close(h.open)
	h.echo(background, 1, fine)
	h.callers.Wait()
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
