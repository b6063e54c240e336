package cmd

import (
	"context"
	"time"

	"github.com/sessbench/sessbench/internal/adapter"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// redisName is the strategy redis's name.
const redisName = "redis"

// embedded is what must be known of a row of sessions that a server in this very process keeps.
const embedded = "embedded: not a speed figure"

// addRedisFlags are the flags that say which server keeps the sessions of the strategy redis.
func (a *app) addRedisFlags(fs flagGroup) {
	o := &a.redis
	fs.StringVar(&o.URL, "redis-url", "",
		"server of the strategy redis, `URL`: redis://HOST:PORT, rediss:// with TLS, unix://PATH; more addresses: ?addr=HOST:PORT. Without: an embedded one")
	fs.StringVar(&o.Username, "redis-user", "", "`NAME` to log in with")
	fs.StringVar(&o.Password, "redis-password", "", "`PASSWORD` to log in with; better as SESSBENCH_REDIS_PASSWORD, where ps does not show it")
	fs.BoolVar(&o.Cluster, "redis-cluster", false, "the server is a Redis Cluster")
	fs.StringVar(&o.Master, "redis-sentinel", "", "the addresses are Sentinels, which know the server by this `NAME`")
	fs.StringVar(&o.CAFile, "redis-ca", "", "with TLS, trust the certificates in `FILE` (PEM) in place of the system's")
	fs.BoolVar(&o.InsecureSkipVerify, "redis-insecure", false, "with TLS, do not verify the server's certificate")
	fs.Var(duration(redis.DefaultTimeout.String(), time.Millisecond, time.Hour, func(d time.Duration) {
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = d, d, d
	}), "redis-timeout",
		"`TIME` that the server may take to connect and to answer")
}

// checkRedis refuses what names no server, so that nobody takes an embedded one for theirs.
func (o *common) checkRedis() error {
	if o.redis.URL != "" {
		if err := o.redis.Check(); err != nil {
			return usagef("%s: %w", o.from("redis-url"), err)
		}
		return nil
	}
	for _, name := range []string{"redis-user", "redis-password", "redis-cluster", "redis-sentinel", "redis-ca", "redis-insecure"} {
		if o.sources[name].rank != rankDefault {
			return usagef("%s: no server is named: want --redis-url with it", o.from(name))
		}
	}
	return nil
}

// redisStrategy is the strategy redis, for the server that the flags name. It is made when it is first asked for: the flags
// are read by then.
func (a *app) redisStrategy() *strategies.Strategy {
	if a.inRedis == nil {
		redis.SilenceClient() // whatever goes wrong comes back as an error, or in a row
		s := redis.Strategy(a.redis)
		a.inRedis = &s
	}
	return a.inRedis
}

// openLists opens what keeps lists in Redis and is no store, and marks what an embedded server keeps.
// Lists record a use a tenth of the time-to-live after the last one, as session middleware does, and so all scenarios must have
// the same.
func (o *runOptions) openLists(ctx context.Context, list []runner.Subject, of []scenarios.Scenario) (all opened, err error) {
	for i := range list {
		s := &list[i]
		if s.Strategy != o.inRedis || o.inRedis == nil {
			continue
		}
		if o.redis.URL == "" {
			s.Remark = embedded
		}
		if o.listOptions(s, of) == nil {
			continue
		}
		for k := range of {
			if of[k].TTL != of[0].TTL {
				return all, usagef("%s %s,%s: sessions live on in one of them, or longer: want each in a run of its own with %s",
					o.from("scenario"), of[0].Name, of[k].Name, s.Label)
			}
		}
		s.Unlocked = true
		if o.child != nil { // the process that measures opens them
			continue
		}
		if s.Target, err = o.openList(ctx, o.listOptions(s, of)); err != nil {
			return all, err
		}
		all = append(all, s.Target.Close)
	}
	return all, nil
}

// redisLists says how lists are kept in Redis.
type redisLists struct {
	Touch      time.Duration `json:"touch"` // a use is recorded this long after the last one
	Pipelining bool          `json:"pipelining,omitempty"`
}

// listOptions is how a subject that keeps lists does it, nil for any other.
func (a *app) listOptions(s *runner.Subject, of []scenarios.Scenario) *redisLists {
	if a.inRedis == nil || s.Strategy != a.inRedis || s.Params["layout"] != "list" {
		return nil
	}
	return &redisLists{Touch: of[0].TTL / 10, Pipelining: s.Params["pipelining"] == redis.PipeliningOn}
}

// openList opens what keeps lists in Redis.
func (a *app) openList(ctx context.Context, o *redisLists) (scenarios.Target, error) {
	lists, err := redis.OpenLists(ctx, a.redis, redis.ListsOptions{Touch: o.Touch, Pipelining: o.Pipelining})
	if err != nil {
		return nil, err
	}
	return adapter.OfLists(lists), nil
}
