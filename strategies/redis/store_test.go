package redis

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

func TestRetriesUsedUp(t *testing.T) {
	for _, a := range []Atomic{Watch, Lua} {
		t.Run(string(a), func(t *testing.T) {
			_, client, _ := newServer(t)
			s := newStore(t, client, WithAtomic(a), WithRetries(3))
			id := create(t, s)
			runs := 0
			err := s.Update(background, id, func(ctx context.Context, c *counter) error {
				runs++
				c.N += 100
				return newStore(t, client).Update(ctx, id, increment)
			})
			if err != manager.ErrConflict || runs != 4 {
				t.Errorf("%v after %d runs: want ErrConflict after one try and three more", err, runs)
			}
			if n := count(t, s, id); n != 4 {
				t.Errorf("the session counts %d: want the 4 changes that were met", n)
			}
		})
	}
}

// The stores of several processes share a server, each in its own way.
func TestStoresOfEveryKindShareSessions(t *testing.T) {
	const updates = 50
	_, client, _ := newServer(t)
	id := create(t, newStore(t, client))
	var all sync.WaitGroup
	for _, a := range atomics {
		s := newStore(t, client, WithAtomic(a), WithRetries(10_000))
		all.Go(func() {
			for range updates {
				if err := s.Update(background, id, increment); err != nil {
					t.Error(a, err)
				}
			}
		})
	}
	all.Wait()
	if n := count(t, newStore(t, client), id); n != updates*len(atomics) {
		t.Errorf("the session counts %d, want %d", n, updates*len(atomics))
	}
}

func TestExpiredLockIsLost(t *testing.T) {
	server, client, _ := newServer(t)
	s := newStore(t, client, WithAtomic(Lock), WithLockExpiry(time.Second))
	id := create(t, s)
	var fences []int64
	update := func(inside func()) error {
		return s.Update(background, id, func(ctx context.Context, c *counter) error {
			n, ok := Fence(ctx)
			if !ok {
				t.Error("no fence")
			}
			fences = append(fences, n)
			inside()
			c.N++
			return nil
		})
	}
	err := update(func() {
		server.FastForward(time.Second)
		if err := update(func() {}); err != nil {
			t.Errorf("the next one: %v", err)
		}
	})
	if !errors.Is(err, ErrLockLost) || !errors.Is(err, manager.ErrNotApplied) {
		t.Errorf("%v: want ErrLockLost in ErrNotApplied", err)
	}
	if n := count(t, s, id); n != 1 {
		t.Errorf("the session counts %d, want 1", n)
	}
	if len(fences) != 2 || fences[0] >= fences[1] {
		t.Errorf("fences %v: want two, rising", fences)
	}
	if _, ok := Fence(background); ok {
		t.Error("a fence without a lock")
	}
}

// The wait for a lock ends with ctx, and leaves no lock. A request that is in flight at that moment may reach the server after its
// release, so that its lock lasts until it expires; that happens rarely.
func TestWaitForALockEndsWithCtx(t *testing.T) {
	const tries = 5
	left := 0
	for range tries {
		_, client, _ := newServer(t)
		s := newStore(t, client, WithAtomic(Lock))
		id := create(t, s)
		err := s.Update(background, id, func(context.Context, *counter) error {
			ctx, cancel := context.WithTimeout(background, 10*time.Millisecond)
			defer cancel()
			return s.Update(ctx, id, increment)
		})
		if !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: want ErrNotApplied that wraps DeadlineExceeded", err)
		}
		if n := count(t, s, id); n != 0 {
			t.Errorf("the session counts %d, want 0", n)
		}
		c := s.Census()
		if c.Sessions != 1 {
			t.Errorf("census %+v: want one session", c)
		}
		if c.Locks == 0 {
			return
		}
		left++
	}
	t.Errorf("%d of %d waits left a lock", left, tries)
}

func TestTTL(t *testing.T) {
	eachAtomic(t, func(t *testing.T, a Atomic) {
		server, client, _ := newServer(t)
		s := newStore(t, client, WithAtomic(a), WithTTL(time.Minute))
		id := create(t, s)
		server.FastForward(50 * time.Second)
		if err := s.Update(background, id, increment); err != nil {
			t.Fatal(err)
		}
		server.FastForward(50 * time.Second)
		if n := count(t, s, id); n != 1 {
			t.Errorf("50 s after its last write the session counts %d, want 1", n)
		}
		server.FastForward(10 * time.Second)
		if n := count(t, s, id); n != -1 {
			t.Errorf("after its time-to-live the session counts %d", n)
		}
	})
}

// A session's keys must lie in one slot, or a cluster refuses the scripts.
func TestKeysShareASlot(t *testing.T) {
	server, client, _ := newServer(t)
	s := newStore(t, client, WithAtomic(Lock))
	id := create(t, s)
	if err := s.Update(background, id, increment); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(background, id); err != nil {
		t.Fatal(err)
	}
	keys := server.Keys()
	if len(keys) != 2 { // tombstone and fence
		t.Errorf("keys %v: want two", keys)
	}
	for _, k := range keys {
		if tag := k[strings.Index(k, "{")+1 : strings.Index(k, "}")]; tag != id.String() {
			t.Errorf("key %s: hash tag %s, want %s", k, tag, id)
		}
	}
}

func TestForeignValuesAreRejected(t *testing.T) {
	_, client, _ := newServer(t)
	s := newStore(t, client)
	id := uuid.New()
	for _, value := range []string{"", "short", strings.Repeat("0", headLen) + "no JSON", strings.Repeat("x", headLen) + `{"N":1}`} {
		if err := client.Set(background, s.key(id), value, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(background, id, increment); !errors.Is(err, manager.ErrNotApplied) {
			t.Errorf("Update of %q: %v, want ErrNotApplied", value, err)
		}
		if got := client.Get(background, s.key(id)).Val(); got != value {
			t.Errorf("%q was overwritten with %q", value, got)
		}
	}
}

func TestNewRejects(t *testing.T) {
	_, client, _ := newServer(t)
	ring := goredis.NewRing(&goredis.RingOptions{})
	defer func() { _ = ring.Close() }()
	tests := []struct {
		why    string
		client goredis.UniversalClient
		prefix string
		opt    Option
		want   string
	}{
		{"an empty prefix: everything would be ours", client, "", nil, `prefix ""`},
		{"a prefix with a hash tag", client, "a{b}", nil, `prefix "a{b}"`},
		{"a client that cannot name the server of a key", ring, "p", nil, "*redis.Ring"},
		{"an unknown way of being atomic", client, "p", WithAtomic("hope"), `atomic="hope": want watch, lua, lock`},
		{"no codec", client, "p", WithCodec(nil), "codec"},
		{"fewer than no retries", client, "p", WithRetries(-1), "-1 retries"},
		{"a time-to-live that Redis cannot keep", client, "p", WithTTL(time.Microsecond), "1µs"},
		{"a lock that expires at once", client, "p", WithLockExpiry(0), "lock expiry 0s"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			opts := []Option{}
			if test.opt != nil {
				opts = append(opts, test.opt)
			}
			_, err := New[counter](test.client, test.prefix, opts...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v: want one that says %q", err, test.want)
			}
		})
	}
}

// upper is a codec that cannot decode sessions of other codecs.
type upper struct{ JSON }

func (upper) Encode(v any) ([]byte, error) {
	text, err := JSON{}.Encode(v)
	return []byte(strings.ToUpper(string(text))), err
}

func TestWithCodec(t *testing.T) {
	_, client, _ := newServer(t)
	s := newStore(t, client, WithCodec(upper{}))
	id := create(t, s)
	if value := client.Get(background, s.key(id)).Val(); !strings.HasSuffix(value, `{"N":0}`) {
		t.Errorf("stored %q", value)
	}
	if err := s.Update(background, id, increment); err != nil || count(t, s, id) != 1 {
		t.Errorf("Update: %v, and the session counts %d", err, count(t, s, id))
	}
}

// What JSON takes a shortcut for must read and write the same as without.
func TestJSONOfSessions(t *testing.T) {
	var s manager.Session
	for range 20 {
		s.Append("user", `"quoted" <tag> & ünïcode`)
	}
	s.SetFields(map[string]string{"k": "v"})
	text, err := JSON{}.Encode(&s)
	if err != nil {
		t.Fatal(err)
	}
	var back manager.Session
	if err := (JSON{}).Decode(text, &back); err != nil {
		t.Fatal(err)
	}
	again, err := JSON{}.Encode(&back)
	if err != nil || string(again) != string(text) {
		t.Errorf("%s\nbecame %s, %v", text, again, err)
	}
}
