package redis_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/sessbench/sessbench/internal/redistest"
)

// through is a client that repeats nothing.
func through(t *testing.T, addr string, protocol int) *goredis.Client {
	c := goredis.NewClient(&goredis.Options{
		Addr: addr, MaxRetries: -1, ReadTimeout: patience, Protocol: protocol, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestFates(t *testing.T) {
	s := redistest.Start(t)
	for _, c := range []struct {
		what    string
		fate    Fate
		wait    time.Duration // for the answer that does not come
		applied string        // what four INCRs leave, every second of which has this fate
		lost    func(error) bool
	}{
		{"a lost answer is that of a command that was carried out", AnswerLost, patience, "4", isEOF},
		{"so is one that is held back", AnswerHeld, 10 * time.Millisecond, "4", isTimeout},
		{"a lost request was not carried out", RequestLost, patience, "2", isEOF},
	} {
		for _, protocol := range []int{2, 3} {
			t.Run(fmt.Sprintf("%s, protocol %d", c.what, protocol), func(t *testing.T) {
				s.Client().Del(background, "n")
				p := NewProxy(t, s.Addr(), EveryNth(2, c.fate, "incr"))
				client := through(t, p.Addr(), protocol)
				for range 2 {
					if err := client.Incr(background, "n").Err(); err != nil {
						t.Error(err)
					}
					if err := client.WithTimeout(c.wait).Incr(background, "n").Err(); !c.lost(err) {
						t.Errorf("the second of two INCRs gave error %v", err)
					}
				}
				for start := time.Now(); p.Count(c.fate) != 2; time.Sleep(time.Millisecond) {
					if time.Since(start) > patience {
						t.Fatalf("the proxy counts %d, want 2", p.Count(c.fate))
					}
				}
				if n := s.Client().Get(background, "n").Val(); n != c.applied {
					t.Errorf("the counter says %s, want %s", n, c.applied)
				}
			})
		}
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestProxyHandsEverythingOn sends answers of all kinds through a proxy that loses none.
func TestProxyForwardsEverything(t *testing.T) {
	s := redistest.Start(t)
	p := NewProxy(t, s.Addr(), EveryNth(1, AnswerLost, "flushall"))
	for _, protocol := range []int{2, 3} {
		client := through(t, p.Addr(), protocol)
		direct := through(t, s.Addr(), protocol)
		long := make([]byte, 100_000)
		for _, words := range [][]any{
			{"SET", "text", long}, {"GET", "text"}, {"GET", "absent"}, {"HSET", "hash", "a", 1, "b", ""}, {"HGETALL", "hash"},
			{"RPUSH", fmt.Sprint("list", protocol), "a", "", "c\r\n"}, {"LRANGE", "list2", 0, -1}, {"NOSUCHCOMMAND"}, {"INCR", "text"},
			{"EVAL", "return {1, {'a', false}, 'b'}", 0}, {"SMEMBERS", "absent"}, {"GEOPOS", "absent", "x"}, {"COMMAND", "INFO", "get"},
			{"ZADD", "ranks", 1.5, "a"}, {"ZRANGE", "ranks", 0, -1, "WITHSCORES"}, {"MEMORY", "DOCTOR"}, {"LATENCY", "DOCTOR"},
		} {
			got, gotErr := client.Do(background, words...).Result()
			want, wantErr := got, gotErr
			if words[0] != "RPUSH" && words[0] != "HSET" && words[0] != "ZADD" {
				want, wantErr = direct.Do(background, words...).Result()
			}
			if !same(got, want) || !same(gotErr, wantErr) {
				t.Errorf("%.40v through the proxy: %.80v, %v; without it %.80v, %v", words, got, gotErr, want, wantErr)
			}
		}
		transaction, err := client.TxPipelined(background, func(pipe goredis.Pipeliner) error {
			pipe.Set(background, "n", 1, 0)
			pipe.Incr(background, "n")
			return nil
		})
		if err != nil || transaction[1].(*goredis.IntCmd).Val() != 2 {
			t.Errorf("a transaction gave %v, %v", transaction, err)
		}
	}
}

func TestProxyWithoutServer(t *testing.T) {
	absent := redistest.Start(t)
	absent.Kill()
	p := NewProxy(t, absent.Addr(), EveryNth(1, Delivered))
	if err := through(t, p.Addr(), 2).Ping(background).Err(); err == nil {
		t.Error("a proxy without a server answered a PING")
	}
}

// same compares two answers by their text.
func same(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// TestClusterBehindProxies: a client that knows only one node goes through the proxies to all of them.
func TestClusterBehindProxies(t *testing.T) {
	c, proxies := clusterBehindProxies(t, EveryNth(1, Delivered))
	client := goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: c.Addrs()[:1], DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer client.Close()
	for i := range 20 {
		if err := client.Set(background, fmt.Sprintf("key{%d}", i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for i, node := range c.Nodes {
		shards, err := node.Client().ClusterShards(background).Result()
		if err != nil {
			t.Fatal(err)
		}
		var addrs []string
		for _, s := range shards {
			addrs = append(addrs, fmt.Sprintf("%s:%d", s.Nodes[0].IP, s.Nodes[0].Port))
		}
		slices.Sort(addrs)
		want := slices.Sorted(slices.Values(c.Addrs()))
		if diff := cmp.Diff(want, addrs); diff != "" {
			t.Errorf("node %d sends clients elsewhere than to the proxies (-want +got):\n%s", i, diff)
		}
		if n := node.Client().DBSize(background).Val(); n == 0 || proxies[i].Count(Delivered) < n {
			t.Errorf("node %d holds %d keys, and its proxy saw %d commands", i, n, proxies[i].Count(Delivered))
		}
	}
	if url := c.URL(); strings.Count(url, "addr=") != 2 {
		t.Errorf("the cluster's URL is %s, want all three nodes in it", url)
	}
}
