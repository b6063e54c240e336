package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
)

// Server is a connection to Redis with a unique random prefix. It is safe for concurrent use.
type Server struct {
	*space
	embedded *embedded // nil for a server outside this process
	where    string    // addresses, without user and password
	guest    bool      // Close leaves the sessions in Redis
	patience time.Duration
	closed   func() error
}

// Client returns the connection, which Close closes.
func (s *Server) Client() goredis.UniversalClient { return s.client }

// Prefix returns the prefix of all keys of this server.
func (s *Server) Prefix() string { return s.prefix }

// String returns the server's addresses, never a user or a password.
func (s *Server) String() string { return s.where }

// NewPrefix returns a random prefix. A prefix cannot be chosen, so it never holds other data.
func NewPrefix() string { return prefixOf(uuid.New()) }

func prefixOf(id uuid.UUID) string { return "sessbench:" + id.String() + ":" }

// drawn reports whether NewPrefix could have returned the prefix.
func drawn(prefix string) bool {
	id, err := uuid.Parse(strings.Trim(strings.TrimPrefix(prefix, "sessbench:"), ":"))
	return err == nil && prefix == prefixOf(id)
}

// cleanUp deletes every key below the prefix and no other. left is the number of keys that remain because of err, -1 if unknown.
func (s *Server) cleanUp(ctx context.Context) (left int, err error) {
	if err = s.clear(ctx); err == nil {
		return 0, nil
	}
	if left, errCount := s.count(ctx, s.everything()); errCount == nil {
		return left, err
	}
	return -1, err
}

// Close deletes the keys, unless it is a guest, closes the connection, and stops an embedded server. Its error says how many keys
// remain under which prefix. It is idempotent.
func (s *Server) Close() error { return s.closed() }

func (s *Server) close() error {
	if s.embedded != nil { // its data is discarded with it
		return errors.Join(s.client.Close(), s.embedded.Close())
	}
	if s.guest {
		return s.client.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	left, err := s.cleanUp(ctx)
	if err != nil {
		err = fmt.Errorf("%s: %s left below the prefix %s: %w", s, keysLeft(left), s.prefix, err)
	}
	return errors.Join(err, s.client.Close())
}

func keysLeft(n int) string {
	if n < 0 {
		return "an unknown number of keys"
	}
	return fmt.Sprintf("%d keys", n)
}

// embedded is a Redis inside this process.
type embedded struct {
	*miniredis.Miniredis
	stop func()
}

// The embedded server has no clock: its time is advanced in steps. A step shortens the life of a key that was set just
// before it, so steps are at most maxAge, and the server's time falls behind where the machine is too busy for them: a key
// may expire late by any time, but early by maxAge at most.
const (
	agePeriod = time.Millisecond
	maxAge    = 2 * agePeriod
)

func startEmbedded() (*embedded, error) {
	server, err := miniredis.Run()
	if err != nil {
		return nil, fmt.Errorf("embedded redis: %w", err)
	}
	over := make(chan struct{})
	var aging sync.WaitGroup
	aging.Go(func() {
		tick := time.NewTicker(agePeriod)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-tick.C:
				now := time.Now()
				server.FastForward(min(now.Sub(last), maxAge))
				last = now
			case <-over:
				return
			}
		}
	})
	return &embedded{server, func() { close(over); aging.Wait() }}, nil
}

// Close may be called once.
func (e *embedded) Close() error {
	e.stop()
	e.Miniredis.Close()
	return nil
}

// ping checks that every server replies.
func (s *space) ping(ctx context.Context) error {
	masters, err := s.masters(ctx)
	if err != nil {
		return err
	}
	for _, node := range masters {
		if err := node.Ping(ctx).Err(); err != nil {
			return err
		}
	}
	return nil
}

// inCluster reports whether the server is part of a cluster.
func inCluster(ctx context.Context, client goredis.UniversalClient) bool {
	info, err := client.Info(ctx, "cluster").Result()
	return err == nil && strings.Contains(info, "cluster_enabled:1")
}
