package distributed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/internal/redistest"
)

// everywhere runs a test on the embedded server and on a real one.
func everywhere(t *testing.T, test func(t *testing.T, client *redis.Client)) {
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		test(t, embedded(t))
	})
	t.Run("redis-server", func(t *testing.T) {
		t.Parallel()
		test(t, dial(t, redistest.Start(t).URL()))
	})
}

func embedded(t *testing.T) *redis.Client { return dial(t, "redis://"+miniredis.RunT(t).Addr()) }

func dial(t *testing.T, url string) *redis.Client {
	t.Helper()
	client, err := Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// silence is Options.Silence of tests in which a participant is lost.
const silence = 2 * time.Second

// ample is longer than any test takes.
const ample = 30 * time.Second

func options(client *redis.Client, of int) Options {
	return Options{Client: client, RunID: "X", Of: of, Host: "host", Silence: ample, Patience: ample}
}

// joined returns o.Of participants by index. They leave at the end of the test.
func joined(t *testing.T, o Options) []*Participant {
	t.Helper()
	participants := make([]*Participant, o.Of)
	errs := make([]error, o.Of)
	var wait sync.WaitGroup
	for i := range o.Of {
		wait.Go(func() {
			mine := o
			mine.Host = fmt.Sprint("host", i)
			p, err := Join(t.Context(), mine)
			if errs[i] = err; err == nil {
				participants[p.Index()] = p
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, p := range participants {
		if p == nil {
			t.Fatalf("no participant has index %d", i)
		}
		t.Cleanup(func() { _ = p.Leave("the test is over") })
	}
	return participants
}

// each runs do for every participant concurrently.
func each(t *testing.T, participants []*Participant, do func(p *Participant) error) {
	t.Helper()
	var wait sync.WaitGroup
	for _, p := range participants {
		wait.Go(func() {
			if err := do(p); err != nil {
				t.Errorf("participant %d: %v", p.Index(), err)
			}
		})
	}
	wait.Wait()
}

// kill stops the heartbeats of a participant, as killing its process does.
func (p *Participant) kill() {
	p.stop()
	p.stop = nil
	p.beating.Wait()
}

// finish finishes a participant with an empty part.
func (p *Participant) finish(ctx context.Context) error {
	parts, err := p.Finish(ctx, nil)
	if err != nil || parts == nil {
		return err
	}
	return p.Over(ctx)
}

func TestBarrierStartsAllTogether(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		const of, starts = 4, 3
		participants := joined(t, options(client, of))
		var came, began [of][starts]time.Time
		var skews [of][starts]time.Duration
		each(t, participants, func(p *Participant) error {
			for n := range starts {
				time.Sleep(time.Duration(p.Index()*20) * time.Millisecond)
				came[p.Index()][n] = time.Now()
				if err := p.Barrier(t.Context(), n); err != nil {
					return err
				}
				began[p.Index()][n], skews[p.Index()][n] = time.Now(), p.began
			}
			return nil
		})
		for n := range starts {
			for i := range of {
				for j := range of {
					// The instant is fixed when the last one has come, and lies some time after that.
					if soonest := came[j][n].Add(5*participants[j].interval() - skews[i][n]); began[i][n].Before(soonest) {
						t.Errorf("start %d: %d began %v before it could, after %d had come", n, i, soonest.Sub(began[i][n]), j)
					}
					apart, most := began[i][n].Sub(began[j][n]), skews[i][n]+skews[j][n]
					if grain := 50 * time.Millisecond; apart > most+grain { // the clock is read some time after the return
						t.Errorf("start %d: %d and %d began %v apart: want %v at most, as they say", n, i, j, apart, most)
					}
				}
			}
		}
		for i, p := range participants {
			if p.Skew() <= 0 || p.Skew() < skews[i][starts-1] || len(p.Losses()) > 0 {
				t.Errorf("participant %d: skew %v, lost %v", i, p.Skew(), p.Lost())
			}
		}
	})
}

// The server's clock may be wrong, or stand still between two requests: only the difference to the start counts.
func TestWallClocksMayDiffer(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
	participants := joined(t, options(dial(t, "redis://"+server.Addr()), 2))
	each(t, participants, func(p *Participant) error { return p.Barrier(t.Context(), 0) })
}

func TestPublishAndAwait(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		const of, rounds = 3, 3
		participants := joined(t, options(client, of))
		each(t, participants, func(p *Participant) error {
			for n := range rounds {
				if err := p.Publish(t.Context(), fmt.Sprint("told", n), fmt.Append(nil, n, p.Index())); err != nil {
					return err
				}
				got, err := p.Await(t.Context(), fmt.Sprint("told", n), 0, 1, 2)
				if err != nil {
					return err
				}
				want := map[int][]byte{}
				for i := range of {
					want[i] = fmt.Append(nil, n, i)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("round %d: %s", n, diff)
				}
				if err := p.Barrier(t.Context(), n); err != nil {
					return err
				}
			}
			return nil
		})
		for n := range rounds {
			// Data published before a start is removed when other data is published after it.
			key := fmt.Sprintf("sessbench:join:{X}:told%d:0", n)
			if there := client.Exists(t.Context(), key).Val() == 1; there != (n == rounds-1) {
				t.Errorf("%s is there: %v", key, there)
			}
		}
		if ttl := client.PTTL(t.Context(), "sessbench:join:{X}:told2:0").Val(); ttl <= 0 || ttl > Retention {
			t.Errorf("data of a killed participant is kept for %v", ttl)
		}
		each(t, participants, func(p *Participant) error { return p.Leave("done") })
		if keys := client.Keys(t.Context(), "*:told*").Val(); len(keys) > 0 {
			t.Errorf("left: %q", keys)
		}
	})
}

func TestAwaitSkipsParticipantsThatAreGone(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		o := options(client, 4)
		o.Silence = silence
		participants := joined(t, o)
		if err := participants[1].Publish(t.Context(), "last words", []byte("1")); err != nil {
			t.Fatal(err)
		}
		participants[1].kill()
		if err := participants[2].Leave("interrupted"); err != nil {
			t.Fatal(err)
		}
		finished := make(chan error, 1)
		go func() { finished <- participants[3].finish(t.Context()) }()
		got, err := participants[0].Await(t.Context(), "last words", 1, 2, 3)
		if diff := cmp.Diff(map[int][]byte{1: []byte("1")}, got); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		want := []string{"participant 2 of 4 (" + participants[1].o.Host + ")", "participant 3 of 4 (" + participants[2].o.Host + ")"}
		if diff := cmp.Diff(want[1:], participants[0].Lost()); diff != "" && cmp.Diff(want, participants[0].Lost()) != "" {
			t.Error(diff) // whether the killed one is lost already is a matter of time
		}
		if err := errors.Join(participants[0].finish(t.Context()), <-finished); err != nil {
			t.Error(err)
		}
	})
}

func TestLastParticipantGetsAllParts(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		const of = 4
		participants := joined(t, options(client, of))
		var mu sync.Mutex // protects writers and got
		writers, got := 0, map[int][]byte{}
		each(t, participants, func(p *Participant) error {
			parts, err := p.Finish(t.Context(), fmt.Append(nil, "part ", p.Index()))
			if err != nil || parts == nil {
				return err
			}
			mu.Lock()
			writers++
			got = parts
			mu.Unlock()
			return p.Over(t.Context())
		})
		want := map[int][]byte{0: []byte("part 0"), 1: []byte("part 1"), 2: []byte("part 2"), 3: []byte("part 3")}
		if diff := cmp.Diff(want, got); diff != "" || writers != 1 {
			t.Errorf("%d writers got: %s", writers, diff)
		}
		keys, err := client.Keys(t.Context(), "*").Result()
		if err != nil || len(keys) != 1 || keys[0] != "sessbench:join:{X}" {
			t.Errorf("left: %q, %v", keys, err)
		}
		if ttl := client.PTTL(t.Context(), keys[0]).Val(); ttl <= 0 || ttl > Retention {
			t.Errorf("it is kept for %v", ttl)
		}
		if _, err := Join(t.Context(), options(client, of)); !errors.Is(err, ErrTaken) || err.Error() != "run X is over: want an unused run ID" {
			t.Errorf("the run ID is used again: %v", err)
		}
	})
}

func TestBarrierSkipsKilledParticipants(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		o := options(client, 3)
		o.Silence = silence
		participants := joined(t, o)
		each(t, participants, func(p *Participant) error { return p.Barrier(t.Context(), 0) })
		killed, rest := participants[1], []*Participant{participants[0], participants[2]}
		killed.kill()
		each(t, rest, func(p *Participant) error { return p.Barrier(t.Context(), 1) })
		want := []Loss{{1, killed.o.Host, "no heartbeat for 2s, last seen in trial 1"}}
		for _, p := range rest {
			if diff := cmp.Diff(want, p.Losses()); diff != "" {
				t.Errorf("participant %d: lost: %s", p.Index(), diff)
			}
		}
		// It was only suspended, and gets an error.
		var out *OutError
		err := killed.Barrier(t.Context(), 1)
		if !errors.As(err, &out) || !strings.Contains(err.Error(), "continue without this participant: no heartbeat for 2s") {
			t.Errorf("Barrier of the lost participant: %v", err)
		}
		each(t, rest, func(p *Participant) error {
			parts, err := p.Finish(t.Context(), []byte{byte(p.Index())})
			if err != nil || parts == nil {
				return err
			}
			if diff := cmp.Diff(map[int][]byte{0: {0}, 2: {2}}, parts); diff != "" {
				t.Error(diff)
			}
			return p.Over(t.Context())
		})
		// Also when all is over: its part is in no result, and is not kept.
		if parts, err := killed.Finish(t.Context(), []byte{1}); !errors.As(err, &out) || parts != nil {
			t.Errorf("Finish of the lost participant: %v, %v", parts, err)
		}
		if err := killed.Barrier(t.Context(), 2); !errors.As(err, &out) {
			t.Errorf("Barrier of the lost participant after the end: %v", err)
		}
		if _, err := killed.Await(t.Context(), "anything", 0); !errors.As(err, &out) {
			t.Errorf("Await of the lost participant: %v", err)
		}
		if keys := client.Keys(t.Context(), "*:finished:*").Val(); len(keys) > 0 {
			t.Errorf("left: %q", keys)
		}
	})
}

func TestKilledBeforeAnyStart(t *testing.T) {
	t.Parallel()
	o := options(embedded(t), 2)
	o.Silence = silence
	participants := joined(t, o)
	participants[0].kill()
	if err := participants[1].Barrier(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if l := participants[1].Losses(); len(l) != 1 || l[0].Why != "no heartbeat for 2s, last seen before the first start" {
		t.Errorf("lost: %v", l)
	}
}

func TestKilledWriterIsReplaced(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		o := options(client, 3)
		o.Silence = silence
		participants := joined(t, o)
		var mu sync.Mutex // protects writers
		var writers []int
		each(t, participants, func(p *Participant) error {
			parts, err := p.Finish(t.Context(), []byte{byte(p.Index())})
			if err != nil || parts == nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			writers = append(writers, p.Index())
			if len(parts) != 3 {
				t.Errorf("writer %d got %d parts: want those of all three, the killed one's, too", p.Index(), len(parts))
			}
			if len(writers) == 1 {
				p.kill()
				return nil
			}
			return p.Over(t.Context())
		})
		if len(writers) != 2 || writers[0] == writers[1] {
			t.Errorf("writers: %v", writers)
		}
	})
}

func TestWriterThatLeavesIsReplaced(t *testing.T) {
	t.Parallel()
	participants := joined(t, options(embedded(t), 2))
	wrote, began := make(chan int, 2), time.Now()
	each(t, participants, func(p *Participant) error {
		parts, err := p.Finish(t.Context(), nil)
		if err != nil || parts == nil {
			return err
		}
		if wrote <- p.Index(); len(wrote) == 1 {
			return p.Leave("its disk is full")
		}
		return p.Over(t.Context())
	})
	if len(wrote) != 2 {
		t.Errorf("%d tried to write: want both, one after the other", len(wrote))
	}
	if took := time.Since(began); took > ample/2 {
		t.Errorf("the second one waited %v for a participant that had left", took)
	}
}

func TestBarrierSkipsParticipantsThatLeave(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		participants := joined(t, options(client, 3))
		if err := participants[0].Leave("interrupted"); err != nil {
			t.Fatal(err)
		}
		// This one has finished early, and waits for the rest.
		early := make(chan error, 1)
		go func() {
			_, err := participants[1].Finish(t.Context(), []byte("early"))
			early <- err
		}()
		p := participants[2]
		for _, n := range []int{0, 3} { // the others are never seen, and starts may be left out
			if err := p.Barrier(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		parts, err := p.Finish(t.Context(), []byte("late"))
		if err != nil || len(parts) != 2 || string(parts[1]) != "early" {
			t.Errorf("parts %v, %v", parts, err)
		}
		if diff := cmp.Diff([]Loss{{0, participants[0].o.Host, "interrupted"}}, p.Losses()); diff != "" {
			t.Error(diff)
		}
		if err := p.Over(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-early; err != nil {
			t.Error(err)
		}
	})
}

func TestBarrierSkipsParticipantsThatAreAhead(t *testing.T) {
	t.Parallel()
	participants := joined(t, options(embedded(t), 2))
	each(t, participants, func(p *Participant) error {
		if p.Index() == 0 { // its store hangs in trial 1: it leaves out the next one
			return errors.Join(p.Barrier(t.Context(), 0), p.Barrier(t.Context(), 2))
		}
		return errors.Join(p.Barrier(t.Context(), 0), p.Barrier(t.Context(), 1), p.Barrier(t.Context(), 2))
	})
}

func TestJoinRejectsDifferentSettings(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		o := options(client, 2)
		o.Settings = map[string]string{"seed": "1", "users": "100", "version": "v1"}
		first := make(chan *Participant, 1)
		go func() {
			p, err := Join(t.Context(), o)
			if err != nil {
				t.Error(err)
			}
			first <- p
		}()
		for client.Exists(t.Context(), "sessbench:join:{X}").Val() == 0 {
			time.Sleep(time.Millisecond)
		}
		other := o
		other.Of = 3
		other.Settings = map[string]string{"seed": "1", "users": "50", "hold": "1ms", "version": "v1"}
		_, err := Join(t.Context(), other)
		want := []Difference{{"hold", "1ms", ""}, {"of", "3", "2"}, {"users", "50", "100"}}
		var different *DifferentError
		if !errors.As(err, &different) {
			t.Fatalf("different settings: %v", err)
		}
		if diff := cmp.Diff(want, different.Differences); diff != "" {
			t.Error(diff)
		}
		const text = "run X: settings differ from those of the other participants: hold is 1ms here and not set there; of is 3 here and 2 there; users is 50 here and 100 there"
		if err.Error() != text {
			t.Errorf("%v: want %s", err, text)
		}
		second, err := Join(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Join(t.Context(), o); !errors.Is(err, ErrTaken) || err.Error() != "run X already has 2 participants: want an unused run ID" {
			t.Errorf("a third of two: %v", err)
		}
		each(t, []*Participant{<-first, second}, func(p *Participant) error { return p.Leave("done") })
	})
}

func TestJoinReportsMissingParticipants(t *testing.T) {
	t.Parallel()
	client := embedded(t)
	o := options(client, 3)
	o.Patience = time.Millisecond
	if _, err := Join(t.Context(), o); err == nil || err.Error() != "run X: 1 of 3 participants joined within 1ms" {
		t.Errorf("alone: %v", err)
	}
	for _, test := range []struct {
		change func(o *Options)
		want   string
	}{
		{func(o *Options) { o.RunID = "a b" }, `run "a b": want 1 to 64 letters`},
		{func(o *Options) { o.RunID = "" }, `run "": want 1 to 64 letters`},
		{func(o *Options) { o.RunID = "x}{y" }, `run "x}{y": want`},
		{func(o *Options) { o.RunID = strings.Repeat("x", 65) }, `run "` + strings.Repeat("x", 65)},
		{func(o *Options) { o.Of = 0 }, "0 participants: want 1 to 64"},
		{func(o *Options) { o.Of = MaxOf + 1 }, "65 participants: want 1 to 64"},
	} {
		o := options(client, 1)
		test.change(&o)
		if _, err := Join(t.Context(), o); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%v: want %s", err, test.want)
		}
	}
}

// A cancelled run stays cancelled, so that no participant waits for one that has given up.
func TestCancelledRunIsOver(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		o := options(client, 3)
		waits := make(chan error, 1)
		go func() {
			_, err := Join(t.Context(), o)
			waits <- err
		}()
		for client.Exists(t.Context(), "sessbench:join:{X}").Val() == 0 {
			time.Sleep(time.Millisecond)
		}
		hasty := o
		hasty.Patience = time.Millisecond
		if _, err := Join(t.Context(), hasty); err == nil || err.Error() != "run X: 2 of 3 participants joined within 1ms" {
			t.Errorf("the participant without patience: %v", err)
		}
		if err := <-waits; !errors.Is(err, ErrTaken) || err.Error() != "run X: cancelled before all participants had joined: want an unused run ID" {
			t.Errorf("the one that waited with it: %v", err)
		}
		if _, err := Join(t.Context(), o); !errors.Is(err, ErrTaken) || err.Error() != "run X is over: want an unused run ID" {
			t.Errorf("one that joins later: %v", err)
		}
	})
}

// A participant that is interrupted before all have joined cancels the run; later it is only lost.
func TestInterruptBeforeAllJoinedCancels(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	o := options(dial(t, "redis://"+server.Addr()), 2)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		firstWaits(server)
		cancel(errStop)
	}()
	if _, err := Join(ctx, o); !errors.Is(err, errStop) && !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := Join(t.Context(), o); !errors.Is(err, ErrTaken) {
		t.Errorf("a retry: %v", err)
	}
}

// The reason of a participant that leaves is not used for others that the same request finds without a heartbeat.
func TestReasonsOfLossesAreSeparate(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	server.SetTime(now)
	participants := joined(t, options(dial(t, "redis://"+server.Addr()), 3))
	for _, p := range participants {
		p.stop() // no more heartbeats
		p.beating.Wait()
	}
	server.SetTime(now.Add(2 * ample))
	if err := participants[0].Leave("its disk is full"); err != nil {
		t.Fatal(err)
	}
	const silent = "no heartbeat for 30s, last seen before the first start"
	want := []Loss{{0, participants[0].o.Host, "its disk is full"}, {1, participants[1].o.Host, silent}, {2, participants[2].o.Host, silent}}
	if diff := cmp.Diff(want, participants[0].Losses()); diff != "" {
		t.Error(diff)
	}
}

// Every request is repeated while the server is away for less than Options.Silence.
func TestRequestsSurviveServerRestart(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	o := options(dial(t, "redis://"+server.Addr()), 1)
	p := joined(t, o)[0]
	ctx := t.Context()
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"publish", func() error { return p.Publish(ctx, "word", []byte("1")) }},
		{"await", func() error {
			got, err := p.Await(ctx, "word", 0)
			if string(got[0]) != "1" {
				t.Errorf("got %v", got)
			}
			return err
		}},
		{"a start", func() error { return p.Barrier(ctx, 0) }},
		{"publish and unpublish", func() error { return p.Publish(ctx, "word2", []byte("2")) }},
		{"finish", func() error { _, err := p.Finish(ctx, []byte("part")); return err }},
		{"over", func() error { return p.Over(ctx) }},
	} {
		away(t, server, func() {
			if err := step.do(); err != nil {
				t.Errorf("%s: %v", step.what, err)
			}
		})
	}
}

func TestWaitSurvivesServerRestart(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	o := options(dial(t, "redis://"+server.Addr()), 2)
	first := make(chan *Participant, 1)
	go func() {
		p, err := Join(t.Context(), o)
		if err != nil {
			t.Error(err)
		}
		first <- p
	}()
	firstWaits(server)
	away(t, server, func() { time.Sleep(300 * time.Millisecond) })
	if t.Failed() {
		return
	}
	second, err := Join(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Participant{<-first, second} {
		if p != nil {
			_ = p.Leave("the test is over")
		}
	}
}

// firstWaits waits until the first participant has joined, has been told so, and waits for the others.
func firstWaits(server *miniredis.Miniredis) {
	for !server.Exists("sessbench:join:{X}") {
		time.Sleep(time.Millisecond)
	}
	for n := server.CommandCount(); server.CommandCount() < n+2; {
		time.Sleep(time.Millisecond)
	}
}

// away stops the server before do, and restarts it meanwhile.
func away(t *testing.T, server *miniredis.Miniredis, do func()) {
	t.Helper()
	server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		time.Sleep(150 * time.Millisecond)
		if err := server.Restart(); err != nil {
			t.Error(err)
		}
	})
	do()
	back.Wait()
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	client := embedded(t)
	participants := joined(t, options(client, 2))
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(30*time.Millisecond, func() { cancel(errStop) })
	if err := participants[0].Barrier(ctx, 0); !errors.Is(err, errStop) {
		t.Errorf("at a barrier: %v", err)
	}
	if _, err := participants[0].Finish(ctx, nil); !errors.Is(err, errStop) && !errors.Is(err, context.Canceled) {
		t.Errorf("at the end: %v", err)
	}
	lonely := options(client, 2)
	lonely.RunID = "Y"
	if _, err := Join(ctx, lonely); !errors.Is(err, errStop) && !errors.Is(err, context.Canceled) {
		t.Errorf("at the beginning: %v", err)
	}
}

var errStop = errors.New("that is enough")

func TestServerIsGone(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	o := options(dial(t, "redis://"+server.Addr()), 1)
	o.Silence = 200 * time.Millisecond
	p := joined(t, o)[0]
	server.FlushAll()
	if err := p.Barrier(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "run X: not on the server: was it restarted, or emptied?") {
		t.Errorf("emptied: %v", err)
	}
	if server.Exists("sessbench:join:{X}") {
		t.Error("it exists again, without expiry")
	}
	server.Close()
	if err := p.Barrier(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "run X: coordination server: ") {
		t.Errorf("closed: %v", err)
	}
}

// The client repeats a request whose answer was lost, with the same token.
func TestRepeatedRequestJoinsOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, client *redis.Client) {
		for range 2 {
			words, err := enterScript.Run(t.Context(), client, []string{"run"}, "token", 3, "host", "{}", 60_000).StringSlice()
			if diff := cmp.Diff([]string{"in", "0"}, words); diff != "" || err != nil {
				t.Error(diff, err)
			}
		}
		if ttl := client.PTTL(t.Context(), "run").Val(); ttl <= 0 {
			t.Errorf("it is kept for %v", ttl)
		}
	})
}

func TestConnect(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "redis", "http://:secret@host", "redis://user:secret@host:port", "redis://:secret@host/db", "redis://:sec%ret@host"} {
		client, err := Connect(url)
		if err == nil {
			client.Close()
			t.Errorf("%q: no error", url)
		} else if strings.Contains(err.Error(), "sec") || !strings.HasPrefix(err.Error(), "want redis://") {
			t.Errorf("%q: %v", url, err)
		}
	}
	client, err := Connect("rediss://user:secret@host/3")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if o := client.Options(); o.TLSConfig == nil || o.Password != "secret" || o.DB != 3 || o.Addr != "host:6379" {
		t.Errorf("options %+v", o)
	}
}
