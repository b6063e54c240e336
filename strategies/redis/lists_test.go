package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

func newLists(t *testing.T, client goredis.UniversalClient, opts ...ListsOptions) *Lists {
	t.Helper()
	l, err := NewLists(client, "test:", append(opts, ListsOptions{})[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func (l *Lists) mustCreate(t *testing.T) (manager.ID, uint64) {
	t.Helper()
	id := uuid.New()
	created, life, err := l.GetOrCreate(background, id)
	if err != nil || !created || life == 0 || life >= 1<<53 {
		t.Fatalf("GetOrCreate of a new id: %v, life %d, %v", created, life, err)
	}
	return id, life
}

func TestListsKeepTheNewestMessages(t *testing.T) {
	_, client, _ := newServer(t)
	l := newLists(t, client)
	id, life := l.mustCreate(t)
	for n := range uint64(40) {
		seq, in, err := l.AddMessage(background, id, "user", fmt.Sprintf("message %d\n\"€\x00", n+1))
		if seq != n+1 || in != life || err != nil {
			t.Fatalf("message %d: number %d in life %d, %v", n+1, seq, in, err)
		}
		h, in, err := l.History(background, id, nil)
		if want := int(min(n+1, manager.HistoryLimit)); err != nil || len(h) != want || in != life {
			t.Fatalf("history after %d messages: %d of them, life %d, %v", n+1, len(h), in, err)
		}
		for i, m := range h {
			seq := n + 2 - uint64(len(h)) + uint64(i)
			if want := (manager.Message{Seq: seq, Role: "user", Content: fmt.Sprintf("message %d\n\"€\x00", seq)}); m != want {
				t.Fatalf("message %d of the history is %+v, want %+v", i, m, want)
			}
		}
	}
	before := []manager.Message{{Seq: 7}}
	h, _, err := l.History(background, id, before)
	if err != nil || len(h) != 1+manager.HistoryLimit || h[0] != before[0] {
		t.Errorf("History after what was in dst: %d messages, %v", len(h), err)
	}
	last, err := l.Delete(background, id)
	if err != nil || last.Seq != 40 || last.Incarnation != life || !cmp.Equal(last.History(nil), h[1:]) {
		t.Errorf("Delete: %d messages of life %d, %v", last.Seq, last.Incarnation, err)
	}
}

func TestListsAbsentSession(t *testing.T) {
	_, client, _ := newServer(t)
	l := newLists(t, client)
	id := uuid.New()
	for name, op := range map[string]func() error{
		"AddMessage":    func() error { _, _, err := l.AddMessage(background, id, "user", "hi"); return err },
		"Touch":         func() error { _, _, err := l.Touch(background, id); return err },
		"History":       func() error { _, _, err := l.History(background, id, nil); return err },
		"Version":       func() error { _, _, err := l.Version(background, id); return err },
		"Validate":      func() error { return l.Validate(background, id) },
		"DeleteSession": func() error { _, _, err := l.DeleteSession(background, id); return err },
	} {
		if err := op(); !errors.Is(err, manager.ErrNotFound) {
			t.Errorf("%s of an absent session: %v, want ErrNotFound", name, err)
		}
	}
	if n, err := l.Len(background); n != 0 || err != nil {
		t.Errorf("%d sessions, %v: want none", n, err)
	}
}

func TestListsNumberEveryMessageOnce(t *testing.T) {
	const users, each = 8, 40
	_, client, _ := newServer(t)
	l := newLists(t, client)
	id, _ := l.mustCreate(t)
	var seqs [users][]uint64
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			for range each {
				seq, _, err := l.AddMessage(background, id, "user", "hi")
				if err != nil {
					t.Error(err)
				}
				seqs[u] = append(seqs[u], seq)
			}
		})
	}
	all.Wait()
	union := slices.Sorted(slices.Values(slices.Concat(seqs[:]...)))
	for i, seq := range union {
		if seq != uint64(i+1) {
			t.Fatalf("number %d is %d", i+1, seq)
		}
	}
}

func TestListsHaveOneCreator(t *testing.T) {
	_, client, _ := newServer(t)
	l := newLists(t, client)
	id := uuid.New()
	const users = 16
	var lives [users]uint64
	var made [users]bool
	var all sync.WaitGroup
	for u := range users {
		all.Go(func() {
			var err error
			if made[u], lives[u], err = l.GetOrCreate(background, id); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(slices.DeleteFunc(made[:], func(b bool) bool { return !b })); n != 1 {
		t.Errorf("%d created the session", n)
	}
	if n := len(slices.Compact(lives[:])); n != 1 {
		t.Errorf("%d incarnations were returned", n)
	}
}

// What the server is sent a second time is answered as the first time.
func TestRepeatedListCommands(t *testing.T) {
	c := newCommands(t)
	both, graves := []string{c.key, messages(c.key)}, []string{c.key, tombstone(c.key)}
	list := func(answer any) string { return fmt.Sprint(answer) }
	begin := func(life string) string { return list(c.run(createListScript, graves, life, 1, 0)) }
	add := func(token, text string) string { return list(c.run(appendScript, both, token, text, 2, 15, 0)) }
	touch := func(token string) string { return list(c.run(touchScript, both, token, 3, 0)) }
	read := func() string { return list(c.run(readScript, both)) }
	end := func(token, life string) string {
		return list(c.run(deleteListScript, append(slices.Clone(both), tombstone(c.key), messages(tombstone(c.key))), token, life, "", 60_000))
	}
	a, b := incarnationWord(1), incarnationWord(2)
	c.want("a creation", begin(a), "[1 "+a+"]")
	c.want("its copy", begin(a), "[1 "+a+"]")
	c.want("another client's", begin(b), "[0 "+a+"]")

	first, second := newToken(), newToken()
	c.want("a message", add(first, "one"), "[1 "+a+"]")
	c.want("its copy", add(first, "one"), "[1 "+a+"]")
	c.want("a touch", touch(second), "[2 "+a+"]")
	c.want("its copy", touch(second), "[2 "+a+"]")
	for n := range 6 {
		c.want("more", add(newToken(), "more"), fmt.Sprintf("[%d %s]", n+2, a))
	}
	c.want("the first message's copy after others", add(first, "one"), "[1 "+a+"]")
	state := read()
	c.want("the session", state, "["+a+" 7 8 2 [one"+strings.Repeat(" more", 6)+"]]")

	gone := newToken()
	c.want("the end of another life", end(newToken(), b), "0")
	c.want("the end", end(gone, a), state)
	c.want("its copy", end(gone, a), state)
	c.want("the message's copy after the end", add(first, "one"), "-1")
	c.want("the creation's copy after the end", begin(a), "[1 "+a+"]")
	c.want("the session", read(), "-1")
	c.want("the next life", begin(b), "[1 "+b+"]")
	c.want("the end's copy in the next life", end(gone, a), state)
	c.want("the session", read(), "["+b+" 0 0 1 []]")
}

// A message that may have arrived is not sent again: unlike a record, it can be appended twice.
func TestListsNeverSendAgain(t *testing.T) {
	for _, retries := range []int{-1, 3} {
		t.Run(fmt.Sprint("retries ", retries), func(t *testing.T) {
			_, client, lost := newServer(t, func(o *goredis.Options) { o.MaxRetries = retries })
			l := newLists(t, client)
			id, _ := l.mustCreate(t)
			if _, _, err := l.AddMessage(background, id, "user", "one"); err != nil {
				t.Fatal(err)
			}
			lost.armed.Store(1)
			if _, _, err := l.AddMessage(background, id, "user", "two"); !errors.Is(err, manager.ErrIndeterminate) {
				t.Errorf("%v: want ErrIndeterminate", err)
			}
			if seq, _, err := l.AddMessage(background, id, "user", "three"); seq != 3 || err != nil {
				t.Errorf("the next message is number %d, %v: want 3", seq, err)
			}
		})
	}
}

func TestListsExpireIdle(t *testing.T) {
	_, client, _ := newServer(t)
	l := newLists(t, client)
	id, _ := l.mustCreate(t)
	if _, _, err := l.AddMessage(background, id, "user", "hi"); err != nil {
		t.Fatal(err)
	}
	var removed []manager.ID
	remove := func(id manager.ID, last manager.Session) {
		removed = append(removed, id)
		if last.Seq != 1 || last.History(nil)[0].Content != "hi" {
			t.Errorf("removed with the last state %+v", last)
		}
	}
	if n, err := l.ExpireIdle(background, time.Hour, remove); n != 0 || err != nil {
		t.Errorf("%d sessions were idle for an hour, %v", n, err)
	}
	if n, err := l.ExpireIdle(background, 0, remove); n != 1 || err != nil {
		t.Errorf("%d sessions were removed, %v: want 1", n, err)
	}
	if !slices.Equal(removed, []manager.ID{id}) {
		t.Errorf("removed %v: want %v", removed, id)
	}
	if err := l.Validate(background, id); !errors.Is(err, manager.ErrNotFound) {
		t.Errorf("Validate: %v", err)
	}
}

// A read records a use only with Touch, and only if the last use is older than that.
func TestListsReadsRecordUses(t *testing.T) {
	_, client, _ := newServer(t)
	for _, test := range []struct {
		every time.Duration
		want  uint64
	}{{0, 0}, {time.Hour, 0}, {time.Nanosecond, 2}} {
		t.Run(test.every.String(), func(t *testing.T) {
			l := newLists(t, client, ListsOptions{Touch: test.every})
			id, life := l.mustCreate(t)
			time.Sleep(time.Millisecond)
			if _, in, err := l.History(background, id, nil); in != life || err != nil {
				t.Errorf("History: life %d, %v: want %d", in, err, life)
			}
			time.Sleep(time.Millisecond)
			if err := l.Validate(background, id); err != nil {
				t.Error(err)
			}
			if version, in, err := l.Version(background, id); version != test.want || in != life || err != nil {
				t.Errorf("version %d of life %d, %v: want %d of %d", version, in, err, test.want, life)
			}
			if version, in, err := l.Touch(background, id); version != test.want+1 || in != life || err != nil {
				t.Errorf("Touch: version %d of life %d, %v: want %d of %d", version, in, err, test.want+1, life)
			}
			if seq, _, err := l.AddMessage(background, id, "user", "hi"); seq != 1 || err != nil {
				t.Errorf("message number %d, %v: want 1", seq, err)
			}
			if seq, in, err := l.DeleteSession(background, id); seq != 1 || in != life || err != nil {
				t.Errorf("deleted %d messages of life %d, %v: want 1 of %d", seq, in, err, life)
			}
			if id, err := l.CreateSession(background); err != nil || l.Validate(background, id) != nil {
				t.Errorf("CreateSession: %v", err)
			}
		})
	}
}

func TestListsTTL(t *testing.T) {
	server, client, _ := newServer(t)
	l := newLists(t, client, ListsOptions{TTL: time.Minute})
	id, _ := l.mustCreate(t)
	server.FastForward(50 * time.Second)
	if _, _, err := l.AddMessage(background, id, "user", "hi"); err != nil {
		t.Fatal(err)
	}
	server.FastForward(50 * time.Second)
	if _, _, err := l.Touch(background, id); err != nil {
		t.Fatal(err)
	}
	server.FastForward(50 * time.Second)
	if h, _, err := l.History(background, id, nil); len(h) != 1 || err != nil {
		t.Errorf("50 s after its last use: %d messages, %v", len(h), err)
	}
	server.FastForward(time.Minute)
	if keys := server.Keys(); len(keys) != 0 {
		t.Errorf("after its time-to-live there is still %v", keys)
	}
}

func TestListsResetAndClose(t *testing.T) {
	l, err := OpenLists(background, Options{}, ListsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := l.mustCreate(t)
	if err := l.Reset(background); err != nil {
		t.Error(err)
	}
	if n, err := l.Len(background); n != 0 || err != nil {
		t.Errorf("%d sessions after Reset, %v", n, err)
	}
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, _, err := l.AddMessage(ctx, id, "user", "hi"); !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.Canceled) {
		t.Errorf("with a ctx that is done: %v", err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, _, err := l.AddMessage(background, id, "user", "hi"); err != manager.ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}
