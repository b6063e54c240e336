package redis

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/google/uuid"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// space is the part of a Redis below one prefix. The keys of a session share a hash tag, its id in braces, so that a
// cluster keeps them in one slot (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
type space struct {
	client    goredis.UniversalClient
	prefix    string
	pipeliner *pipeliner // nil: one round trip per command
}

// newSpace rejects clients that cannot find the server of a key, and prefixes with a hash tag.
func newSpace(client goredis.UniversalClient, prefix string) (*space, error) {
	switch client.(type) {
	case *goredis.Client, *goredis.ClusterClient:
	default:
		return nil, fmt.Errorf("redis client %T: want *redis.Client or *redis.ClusterClient", client)
	}
	if prefix == "" || strings.ContainsAny(prefix, "{}") {
		return nil, fmt.Errorf("redis prefix %q: want at least one character, and no braces", prefix)
	}
	return &space{client: client, prefix: prefix}, nil
}

// pipelined returns the space with a pipeliner.
func (s *space) pipelined() *space {
	return &space{s.client, s.prefix, &pipeliner{client: s.client}}
}

// process sends a command and waits for its reply. It returns the command's error.
type process func(context.Context, goredis.Cmder) error

// process sends a command, through the pipeliner if there is one.
func (s *space) process(ctx context.Context, cmd goredis.Cmder) error {
	if s.pipeliner != nil {
		return s.pipeliner.process(ctx, cmd)
	}
	return s.client.Process(ctx, cmd)
}

// ask sends a command whose reply is text or nil.
func (s *space) ask(ctx context.Context, words ...any) *goredis.StringCmd {
	cmd := goredis.NewStringCmd(ctx, words...)
	_ = s.process(ctx, cmd) // the command has the error too
	return cmd
}

func (s *space) key(id manager.ID) string { return s.prefix + "{" + id.String() + "}" }

// tombstone, lock, fence and messages are further keys of a session.
func tombstone(key string) string { return key + ":gone" }
func lock(key string) string      { return key + ":lock" }
func fence(key string) string     { return key + ":fence" }
func messages(key string) string  { return key + ":messages" }

// sessions is the pattern of the sessions' main keys: an id is 36 characters long, and nothing follows it.
func (s *space) sessions() string { return escape(s.prefix) + "{" + strings.Repeat("?", 36) + "}" }

// locks is the pattern of the keys of locks that are held.
func (s *space) locks() string { return escape(s.prefix) + "{*}:lock" }

// everything is the pattern of all keys.
func (s *space) everything() string { return escape(s.prefix) + "*" }

// escape escapes the special characters of a pattern.
func escape(prefix string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(prefix)
}

// id returns the id in a session's main key.
func (s *space) id(key string) (manager.ID, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(key, s.prefix+"{"), "}")
	id, err := uuid.Parse(text)
	if err != nil {
		return id, fmt.Errorf("redis key %q: %w", key, err)
	}
	return id, nil
}

// node returns the client of the server that has a key.
func (s *space) node(ctx context.Context, key string) (*goredis.Client, error) {
	if cluster, ok := s.client.(*goredis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return s.client.(*goredis.Client), nil
}

// masters returns the clients of all servers that have keys.
func (s *space) masters(ctx context.Context) ([]*goredis.Client, error) {
	cluster, ok := s.client.(*goredis.ClusterClient)
	if !ok {
		return []*goredis.Client{s.client.(*goredis.Client)}, nil
	}
	var mu sync.Mutex // protects all
	var all []*goredis.Client
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *goredis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, node)
		return nil
	})
	return all, err
}

// pageSize is the number of keys that a server examines in one step of a scan.
const pageSize = 512

// scan calls show with one page after another of the keys that match a pattern. It finds every key that exists throughout the scan,
// perhaps more than once.
func (s *space) scan(ctx context.Context, pattern string, show func(keys []string) error) error {
	masters, err := s.masters(ctx)
	if err != nil {
		return notApplied(ctx, err)
	}
	for _, node := range masters {
		for cursor := uint64(0); ; {
			keys, next, err := node.Scan(ctx, cursor, pattern, pageSize).Result()
			if err != nil {
				return notApplied(ctx, err)
			}
			if len(keys) > 0 {
				if err := show(keys); err != nil {
					return err
				}
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return nil
}

// clear deletes every key.
func (s *space) clear(ctx context.Context) error {
	return s.scan(ctx, s.everything(), func(keys []string) error {
		_, err := s.client.Pipelined(ctx, func(p goredis.Pipeliner) error {
			for _, key := range keys {
				p.Unlink(ctx, key)
			}
			return nil
		})
		return err
	})
}

// count returns the number of distinct keys that match a pattern.
func (s *space) count(ctx context.Context, pattern string) (int, error) {
	seen := map[string]struct{}{}
	err := s.scan(ctx, pattern, func(keys []string) error {
		for _, k := range keys {
			seen[k] = struct{}{}
		}
		return nil
	})
	return len(seen), err
}

// reply returns the value that a read has found, or [manager.ErrNotFound].
func reply(ctx context.Context, cmd *goredis.StringCmd) ([]byte, error) {
	value, err := cmd.Bytes()
	if err == goredis.Nil {
		return nil, manager.ErrNotFound
	}
	if err != nil {
		return nil, notApplied(ctx, err)
	}
	return value, nil
}
