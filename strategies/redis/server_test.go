package redis

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
)

func connectTo(t *testing.T, server *miniredis.Miniredis) *Server {
	t.Helper()
	s, err := Connect(background, Options{URL: "redis://" + server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCleanUpKeepsForeignKeys(t *testing.T) {
	server := miniredis.RunT(t)
	foreign := []string{"sessbench:", "sessbench:other:{x}", "mine", "{x}:lock"}
	for _, k := range foreign {
		if err := server.Set(k, "kept"); err != nil {
			t.Fatal(err)
		}
	}
	s := connectTo(t, server)
	for i := range 3 * pageSize {
		if err := server.Set(fmt.Sprint(s.Prefix(), i), "ours"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := server.Push(s.Prefix()+"{x}:messages", "ours"); err != nil {
		t.Fatal(err)
	}
	left, err := s.cleanUp(background)
	if left != 0 || err != nil {
		t.Errorf("Cleanup: %d left, %v", left, err)
	}
	slices.Sort(foreign)
	if keys := server.Keys(); !slices.Equal(keys, foreign) {
		t.Errorf("keys %v: want %v", keys, foreign)
	}
	if err := server.Set(s.Prefix()+"late", "ours"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if keys := server.Keys(); !slices.Equal(keys, foreign) {
		t.Errorf("keys %v after Close: want %v", keys, foreign)
	}
}

func TestPatternsMatchOnlyTheirPrefix(t *testing.T) {
	server := miniredis.RunT(t)
	s := connectTo(t, server)
	defer func() { _ = s.Close() }()
	for _, prefix := range []string{"a*", "a?", "[ab]", `a\`, "a^"} {
		own := &space{client: s.client, prefix: prefix}
		if err := server.Set("ab-not-ours", ""); err != nil {
			t.Fatal(err)
		}
		if err := server.Set(prefix+"ours", ""); err != nil {
			t.Fatal(err)
		}
		if n, err := own.count(background, own.everything()); n != 1 || err != nil {
			t.Errorf("below %s: %d keys, %v: want 1", prefix, n, err)
		}
		if err := own.clear(background); err != nil {
			t.Error(err)
		}
	}
	if keys := server.Keys(); !slices.Equal(keys, []string{"ab-not-ours"}) {
		t.Errorf("keys %v left", keys)
	}
}

func TestCloseReportsRemainingKeys(t *testing.T) {
	server := miniredis.RunT(t)
	s := connectTo(t, server)
	if err := server.Set(s.Prefix()+"x", ""); err != nil {
		t.Fatal(err)
	}
	server.SetError("READONLY You can't write against a read only replica.")
	err := s.Close()
	if err == nil || !strings.Contains(err.Error(), s.Prefix()) || !strings.Contains(err.Error(), "unknown number of keys left") {
		t.Errorf("error %v: want one that names the prefix", err)
	}
	if again := s.Close(); again != err {
		t.Errorf("the second Close says %v", again)
	}
	if text := keysLeft(3); text != "3 keys" {
		t.Error(text)
	}
}

func TestPrefixesAreUnique(t *testing.T) {
	server := miniredis.RunT(t)
	a, b := connectTo(t, server), connectTo(t, server)
	if a.Prefix() == b.Prefix() {
		t.Error("two servers share the prefix", a.Prefix())
	}
	for _, s := range []*Server{a, b} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A guest shares the sessions of another process, and leaves them when it goes.
func TestGuestKeepsTheSessions(t *testing.T) {
	server := miniredis.RunT(t)
	o := Options{URL: "redis://" + server.Addr(), Prefix: NewPrefix()}
	host, err := Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	o.Guest = true
	guest, err := Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := guest.Client().Set(t.Context(), guest.Prefix()+"x", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := guest.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Keys()); n != 1 {
		t.Errorf("%d keys after the guest has gone: want 1", n)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Keys()); n != 0 {
		t.Errorf("%d keys after the host has gone: want none", n)
	}
	const id = "0e4ff5d0-83d1-4ba7-a90c-2e7a2fe31ecd"
	for _, prefix := range []string{"other:", id, "sessbench:" + id, "sessbench:" + strings.ToUpper(id) + ":", "sessbench:{" + id + "}:", "sessbench::" + id + ":"} {
		o.Prefix = prefix
		if _, err := Connect(t.Context(), o); err == nil || !strings.Contains(err.Error(), `prefix "`+prefix+`": want one from NewPrefix`) {
			t.Errorf("a prefix that is not from NewPrefix: error %v", err)
		}
	}
}

// A password that stands apart, in the environment say, belongs to the user in the URL.
func TestPasswordBesideTheURL(t *testing.T) {
	for _, row := range []struct {
		o              Options
		user, password string
	}{
		{Options{URL: "redis://bob@localhost", Password: "secret"}, "bob", "secret"},
		{Options{URL: "redis://bob:old@localhost", Password: "secret"}, "bob", "secret"},
		{Options{URL: "redis://bob:old@localhost", Username: "eve"}, "eve", "old"},
		{Options{URL: "redis://localhost", Username: "eve", Password: "secret"}, "eve", "secret"},
	} {
		u, err := row.o.universal()
		if err != nil {
			t.Fatal(err)
		}
		if u.Username != row.user || u.Password != row.password {
			t.Errorf("%+v: %s with %s: want %s with %s", row.o, u.Username, u.Password, row.user, row.password)
		}
	}
}

// Keys of the embedded server live as long as they are to: a lock that is held for a fifth of its time is never lost.
func TestEmbeddedServerExpiresKeys(t *testing.T) {
	s, err := Connect(background, Options{Users: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	store, err := New[int](s.Client(), s.Prefix(), WithAtomic(Lock), WithLockExpiry(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.New()
	if _, err := store.GetOrCreate(background, id, func() int { return 0 }, nil); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); time.Since(start) < 1200*time.Millisecond; {
		err := store.Update(background, id, func(_ context.Context, n *int) error { time.Sleep(20 * time.Millisecond); *n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
}
