package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// replyError is an error as a server answers it.
func replyError(t *testing.T, text string) error {
	server, client, _ := newServer(t)
	server.SetError(text)
	defer server.SetError("")
	err := client.Get(background, "k").Err()
	if err == nil {
		t.Fatalf("no error %q", text)
	}
	return err
}

func TestErrorsOfFailures(t *testing.T) {
	none, all := 0, 2
	tests := []struct {
		why   string
		err   error
		sent  int   // copies
		first error // what became of the first of two
		want  error
	}{
		{"connection refused", &net.OpError{Op: "dial", Err: errors.New("connection refused")}, none, nil, manager.ErrNotApplied},
		{"no connection became free", goredis.ErrPoolTimeout, none, nil, manager.ErrNotApplied},
		{"ctx ended in the wait for a connection", context.Canceled, none, nil, manager.ErrNotApplied},
		{"the client was closed before", goredis.ErrClosed, none, nil, manager.ErrNotApplied},

		{"the connection broke after it was sent", io.EOF, 1, nil, manager.ErrIndeterminate},
		{"no answer in time", &net.OpError{Op: "read", Err: context.DeadlineExceeded}, 1, nil, manager.ErrIndeterminate},
		{"ctx ended after it was sent", context.DeadlineExceeded, 1, nil, manager.ErrIndeterminate},
		{"the client was closed meanwhile", net.ErrClosed, 1, nil, manager.ErrIndeterminate},
		{"an unreadable answer", errors.New("redis: can't parse reply"), 1, nil, manager.ErrIndeterminate},

		{"an error reply to the only copy", replyError(t, "OOM command not allowed"), 1, nil, manager.ErrNotApplied},
		{"an error reply after a redirection", replyError(t, "CLUSTERDOWN Hash slot not served"), all,
			replyError(t, "MOVED 1 127.0.0.1:1"), manager.ErrNotApplied},
		{"an error reply after a copy without an answer", replyError(t, "READONLY You can't write"), all, io.EOF, manager.ErrIndeterminate},
		{"an error reply after a copy of which nothing is known", replyError(t, "READONLY You can't write"), all, nil, manager.ErrIndeterminate},
	}
	for _, text := range []string{
		"LOADING Redis is loading the dataset in memory", "READONLY You can't write against a read only replica.",
		"MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381", "TRYAGAIN Multiple keys request during rehashing of slot",
		"CLUSTERDOWN The cluster is down", "EXECABORT Transaction discarded because of previous errors.",
		"OOM command not allowed when used memory > 'maxmemory'.", "MISCONF Redis is configured to save RDB snapshots",
		"NOREPLICAS Not enough good replicas to write.", "NOAUTH Authentication required.", "NOPERM this user has no permissions",
		"BUSY Redis is busy running a script.", "WRONGTYPE Operation against a key holding the wrong kind of value", "ERR anything else",
	} {
		tests = append(tests, struct {
			why   string
			err   error
			sent  int
			first error
			want  error
		}{text, replyError(t, text), 1, nil, manager.ErrNotApplied})
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			p := &parcel{bytes: []byte("token")}
			p.move(goredis.NewCmd(background))
			for range test.sent {
				if _, err := p.MarshalBinary(); err != nil {
					t.Fatal(err)
				}
				p.cmd.SetErr(test.first)
			}
			err := p.failed(background, test.err)
			if !errors.Is(err, test.want) || !errors.Is(err, test.err) {
				t.Errorf("%v: want %v that wraps %v", err, test.want, test.err)
			}
		})
	}
}

func TestRefusalOfASecondCopy(t *testing.T) {
	p := &parcel{}
	for _, refusal := range []error{errConflict, manager.ErrNotFound, manager.NotApplied(ErrLockLost)} {
		p.doubt = false
		if err := p.unless(refusal); err != refusal {
			t.Errorf("%v became %v without any doubt", refusal, err)
		}
		p.doubt = true
		err := p.unless(refusal)
		var another *again
		if !errors.Is(err, manager.ErrIndeterminate) || errors.Is(err, manager.ErrNotApplied) || errors.As(err, &another) {
			t.Errorf("%v became %v: want only ErrIndeterminate", refusal, err)
		}
	}
}

// The answer to a write is lost after the server has carried it out. A client that does not send again leaves the outcome open;
// one that does is told the truth. Neither makes it twice.
func TestLostAnswers(t *testing.T) {
	for _, test := range []struct {
		why     string
		retries int
		want    error // of what may be sent twice
	}{
		{"sent once", -1, manager.ErrIndeterminate},
		{"sent again", 3, nil},
	} {
		eachAtomic(t, func(t *testing.T, a Atomic) {
			t.Run(test.why, func(t *testing.T) {
				_, client, lost := newServer(t, func(o *goredis.Options) { o.MaxRetries = test.retries })
				s := newStore(t, client, WithAtomic(a))
				id := create(t, s)
				if err := s.Update(background, id, increment); err != nil { // the scripts are known
					t.Fatal(err)
				}
				runs := 0
				err := s.Update(background, id, func(_ context.Context, c *counter) error {
					if runs++; runs == 1 {
						lost.armed.Store(1)
					}
					c.N++
					return nil
				})
				want := test.want
				if a == Watch {
					want = manager.ErrIndeterminate // an EXEC is never sent again
				}
				if !errors.Is(err, want) || errors.Is(err, manager.ErrNotApplied) || runs != 1 {
					t.Errorf("Update: %v after %d runs of fn, want %v after one", err, runs, want)
				}
				if n := count(t, s, id); n != 2 {
					t.Errorf("the session counts %d, want 2", n)
				}
			})
		})
	}
}

func TestLostAnswerToACreation(t *testing.T) {
	for retries, want := range map[int]error{-1: manager.ErrIndeterminate, 3: nil} {
		t.Run(fmt.Sprint("retries ", retries), func(t *testing.T) {
			_, client, lost := newServer(t, func(o *goredis.Options) { o.MaxRetries = retries })
			s := newStore(t, client)
			create(t, s) // the script is known
			id := manager.ID{1}
			lost.armed.Store(1)
			created, err := s.GetOrCreate(background, id, zero, nil)
			if !errors.Is(err, want) || created != (want == nil) {
				t.Errorf("GetOrCreate: %v, %v: want %v", created, err, want)
			}
			if n := count(t, s, id); n != 0 {
				t.Errorf("the session counts %d, want 0", n)
			}
		})
	}
}

func TestLostReadsAreNotApplied(t *testing.T) {
	eachAtomic(t, func(t *testing.T, a Atomic) {
		_, client, lost := newServer(t)
		s := newStore(t, client, WithAtomic(a))
		id := create(t, s)
		if err := s.Update(background, id, increment); err != nil { // the scripts are known
			t.Fatal(err)
		}
		reads := map[string]func() error{
			"View":   func() error { return s.View(background, id, increment) },
			"Update": func() error { return s.Update(background, id, increment) },
			"Delete": func() error { _, err := s.Delete(background, id); return err },
			"Len":    func() error { _, err := s.Len(background); return err },
			"Sweep": func() error {
				_, err := s.Sweep(background, func(manager.ID, *counter) bool { return true }, nil)
				return err
			},
		}
		for name, read := range reads {
			lost.armed.Store(1)
			if err := read(); !errors.Is(err, manager.ErrNotApplied) || !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v, want ErrNotApplied that wraps EOF", name, err)
			}
		}
		if n := count(t, s, id); n != 1 {
			t.Errorf("the session counts %d, want 1", n)
		}
		if keys := client.Keys(background, "*:lock").Val(); len(keys) != 0 {
			t.Errorf("locks left: %v", keys)
		}
	})
}

func TestConnectionRefused(t *testing.T) {
	server, client, _ := newServer(t, func(o *goredis.Options) { o.DialerRetries = 1 })
	s := newStore(t, client)
	id := create(t, s)
	server.Close()
	client.Conn().Close()
	ctx, cancel := context.WithTimeout(background, 5*time.Second)
	defer cancel()
	_ = s.View(ctx, id, increment) // finds out that its connection is closed
	for name, op := range map[string]func() error{
		"GetOrCreate": func() error { _, err := s.GetOrCreate(ctx, id, zero, nil); return err },
		"Update":      func() error { return s.Update(ctx, id, increment) },
		"Delete":      func() error { _, err := s.Delete(ctx, id); return err },
	} {
		if err := op(); !errors.Is(err, manager.ErrNotApplied) {
			t.Errorf("%s: %v, want ErrNotApplied", name, err)
		}
	}
}
