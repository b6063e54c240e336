package redis

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"

	miniserver "github.com/alicebob/miniredis/v2/server"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// node is a server of a cluster that knows no commands but those registered.
func node(t *testing.T) *miniserver.Server {
	t.Helper()
	s, err := miniserver.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestRedirectedWriteIsIndeterminate: the slot is on its way to another server, which carries the script out, and the connection
// breaks before it has answered. The client asks the first server again and is redirected again; that refusal is none of
// the copy that was carried out.
func TestRedirectedWriteIsIndeterminate(t *testing.T) {
	var carriedOut atomic.Int64
	from, to := node(t), node(t)
	port := func(s *miniserver.Server) int { return s.Addr().Port }
	for name, answer := range map[string]miniserver.Cmd{
		"CLUSTER": func(c *miniserver.Peer, _ string, _ []string) {
			c.WriteLen(1)
			c.WriteLen(3)
			c.WriteInt(0)
			c.WriteInt(16383)
			c.WriteLen(2)
			c.WriteBulk("127.0.0.1")
			c.WriteInt(port(from))
		},
		"EVALSHA": func(c *miniserver.Peer, _ string, _ []string) {
			c.WriteError(fmt.Sprintf("ASK 1 %s", net.JoinHostPort("127.0.0.1", fmt.Sprint(port(to)))))
		},
	} {
		if err := from.Register(name, answer); err != nil {
			t.Fatal(err)
		}
	}
	for name, answer := range map[string]miniserver.Cmd{
		"ASKING": func(*miniserver.Peer, string, []string) {}, // its answer is lost with the other one
		"EVALSHA": func(c *miniserver.Peer, _ string, _ []string) {
			carriedOut.Add(1)
			c.Close()
		},
	} {
		if err := to.Register(name, answer); err != nil {
			t.Fatal(err)
		}
	}
	client := goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: []string{from.Addr().String()}, MaxRetries: -1, Protocol: 2, DisableIdentity: true, PipelinePoolSize: -1,
	})
	defer client.Close()
	plain, err := newSpace(client, "test:")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		why   string
		space *space
		once  bool
	}{
		{"may be sent again", plain, false},
		{"must not be", plain, true},
		{"may be sent again, pipelining", plain.pipelined(), false},
		{"must not be, pipelining", plain.pipelined(), true},
	} {
		t.Run(row.why, func(t *testing.T) {
			carriedOut.Store(0)
			p := &parcel{bytes: []byte("token"), once: row.once}
			answer, err := setScript.run(background, row.space.process, []string{"test:{1}"}, p, "identity", "record", 0)
			if err == nil {
				t.Fatalf("answer %v: want none", answer)
			}
			n := carriedOut.Load()
			if n == 0 || row.once && n > 1 {
				t.Errorf("carried out %d times", n)
			}
			if err := p.failed(background, err); !errors.Is(err, manager.ErrIndeterminate) {
				t.Errorf("%v: want ErrIndeterminate", err)
			}
		})
	}
}
