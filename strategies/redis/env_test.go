package redis

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

var background = context.Background()

// counter is the session of these tests.
type counter struct{ N int }

func zero() counter { return counter{} }

func increment(_ context.Context, c *counter) error { c.N++; return nil }

// newServer returns an empty embedded server, and a client of it that loses answers on request.
func newServer(t *testing.T, change ...func(*goredis.Options)) (*miniredis.Miniredis, *goredis.Client, *losses) {
	t.Helper()
	server := miniredis.RunT(t)
	lost := &losses{}
	o := &goredis.Options{
		Addr: server.Addr(), Dialer: lost.dial, MaxRetries: -1, Protocol: 2, DisableIdentity: true, PipelinePoolSize: -1, PoolSize: 16,
		ContextTimeoutEnabled: true,
	}
	for _, c := range change {
		c(o)
	}
	client := goredis.NewClient(o)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client, lost
}

// losses are connections on which the answer to what is sent next is lost, together with the connection, as often as armed
// says. The server has carried it out.
type losses struct{ armed atomic.Int64 }

func (l *losses) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return &lossy{c, l}, err
}

type lossy struct {
	net.Conn
	losses *losses
}

func (c *lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.losses.armed.Load() > 0 {
		c.losses.armed.Add(-1)
		_ = c.Conn.(*net.TCPConn).CloseWrite() // the server ends the connection once it has answered all it was asked
		_, _ = io.Copy(io.Discard, c.Conn)
		_ = c.Conn.Close()
		return 0, io.EOF
	}
	return n, err
}

// newStore is a store of counters below the prefix "test:".
func newStore(t *testing.T, client goredis.UniversalClient, opts ...Option) *Store[counter] {
	t.Helper()
	s, err := New[counter](client, "test:", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// create makes a new session.
func create(t *testing.T, s *Store[counter]) manager.ID {
	t.Helper()
	id := uuid.New()
	if created, err := s.GetOrCreate(background, id, zero, nil); err != nil || !created {
		t.Fatalf("GetOrCreate of a new id: %v, %v", created, err)
	}
	return id
}

// count is the session's count, -1 where there is none.
func count(t *testing.T, s *Store[counter], id manager.ID) (n int) {
	t.Helper()
	err := s.View(background, id, func(_ context.Context, c *counter) error { n = c.N; return nil })
	if err == manager.ErrNotFound {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eachAtomic runs a test for each way of being atomic.
func eachAtomic(t *testing.T, test func(t *testing.T, a Atomic)) {
	for _, a := range atomics {
		t.Run(string(a), func(t *testing.T) { test(t, a) })
	}
}
