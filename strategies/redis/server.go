package redis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"
)

// Server is a connection to Redis and a random prefix in it that is nobody else's. It is safe for concurrent use.
type Server struct {
	*space
	embedded *embedded // nil where the server is somebody else's
	where    string    // its addresses, without user and password
	guest    bool      // the sessions are somebody else's to clean up
	patience time.Duration
	closed   func() error
}

// Client is the connection, which Close closes.
func (s *Server) Client() goredis.UniversalClient { return s.client }

// Prefix is what every key of this server begins with.
func (s *Server) Prefix() string { return s.prefix }

// Embedded reports whether the server runs inside this process: right in its answers, and no measure of speed.
func (s *Server) Embedded() bool { return s.embedded != nil }

// String names the server for people: its addresses, never a user or a password.
func (s *Server) String() string { return s.where }

// NewPrefix draws a prefix. There is no way to choose one, so none that holds somebody's data.
func NewPrefix() string { return "sessbench:" + uuid.NewString() + ":" }

var drawn = regexp.MustCompile(`^sessbench:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:$`)

// Cleanup deletes every key below the prefix, and none beside it, whatever wrote it. left is how many it had to leave,
// -1 where nobody knows, because of err.
func (s *Server) Cleanup(ctx context.Context) (left int, err error) {
	if err = s.clear(ctx); err == nil {
		return 0, nil
	}
	if left, errCount := s.count(ctx, s.everything()); errCount == nil {
		return left, err
	}
	return -1, err
}

// Close cleans up, unless it is a guest, closes the connection, and ends an embedded server. Its error says how many keys it had to leave, and
// under which prefix. It may be called again.
func (s *Server) Close() error { return s.closed() }

func (s *Server) close() error {
	if s.embedded != nil { // its data goes with it
		return errors.Join(s.client.Close(), s.embedded.Close())
	}
	if s.guest {
		return s.client.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	left, err := s.Cleanup(ctx)
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

// agePeriod is how often the embedded server's keys age: it has no clock of its own. None lives much shorter or longer than
// it is to.
const agePeriod = 10 * time.Millisecond

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
				server.FastForward(now.Sub(last))
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

// ping asks every server for a sign of life.
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

// inCluster reports whether the server says that it is part of a cluster.
func inCluster(ctx context.Context, client goredis.UniversalClient) bool {
	info, err := client.Info(ctx, "cluster").Result()
	return err == nil && strings.Contains(info, "cluster_enabled:1")
}
