package cmd

import (
	"time"

	"github.com/sessbench/sessbench/internal/measure"
	"github.com/sessbench/sessbench/internal/runner"
	"github.com/sessbench/sessbench/internal/setting"
	"github.com/sessbench/sessbench/scenarios"
	"github.com/sessbench/sessbench/strategies"
	"github.com/sessbench/sessbench/strategies/redis"
)

// redisName is the name of the strategy redis.
const redisName = "redis"

// embedded is the note on a row whose sessions are kept by a server in this process.
const embedded = "embedded: not a speed figure"

// addRedisFlags adds the flags that name the server of the strategy redis.
func (a *app) addRedisFlags(fs flagGroup) {
	o := &a.redis
	fs.StringVar(&o.URL, "redis-url", "",
		"server of the strategy redis, `URL`: redis://HOST:PORT, rediss:// with TLS, unix://PATH; more addresses: ?addr=HOST:PORT (default: an embedded server)")
	fs.StringVar(&o.Username, "redis-user", "", "login `NAME`")
	fs.StringVar(&o.Password, "redis-password", "", "login `PASSWORD`; as SESSBENCH_REDIS_PASSWORD it is not visible to ps")
	fs.BoolVar(&o.Cluster, "redis-cluster", false, "the server is a Redis Cluster")
	fs.StringVar(&o.Master, "redis-sentinel", "", "the addresses are Sentinels of the server `NAME`")
	fs.StringVar(&o.CAFile, "redis-ca", "", "trusted TLS certificates, `FILE` (PEM), instead of the system's")
	fs.BoolVar(&o.InsecureSkipVerify, "redis-insecure", false, "do not verify the server's TLS certificate")
	timeout := setting.Duration(time.Millisecond, time.Hour)
	read := timeout.Read
	timeout.Read = func(text string) (d time.Duration, err error) {
		if d, err = read(text); err == nil {
			o.DialTimeout, o.WriteTimeout = d, d
		}
		return d, err
	}
	fs.Var(into(redis.DefaultTimeout.String(), timeout, &o.ReadTimeout), "redis-timeout",
		"time limit of connections and responses, `TIME`")
}

// checkRedis rejects settings of a server without its URL: they would silently not apply to the embedded one.
func (c *command) checkRedis() error {
	if c.redis.URL == "" {
		return c.reject(rankFile, "needs --redis-url",
			"redis-user", "redis-password", "redis-cluster", "redis-sentinel", "redis-ca", "redis-insecure")
	}
	if err := c.redis.Check(); err != nil {
		return usagef("%s: %w", c.from("redis-url"), err)
	}
	return nil
}

// redisStrategy returns the strategy redis, for the server that the flags name. It is made at the first call, after the
// flags have been parsed.
func (a *app) redisStrategy() *strategies.Strategy {
	if a.inRedis == nil {
		redis.SilenceClient() // errors are returned, and reported in rows
		s := redis.Strategy(a.redis)
		a.inRedis = &s
	}
	return a.inRedis
}

// settleRedis marks the subjects of an embedded server, and those that are lists. All lists have the same time-to-live, and
// so all scenarios must.
func (o *runOptions) settleRedis(list []runner.Subject, of []scenarios.Scenario) error {
	for i := range list {
		s := &list[i]
		if s.Strategy != o.inRedis || o.inRedis == nil {
			continue
		}
		if o.redis.URL == "" {
			s.Remark = embedded
		}
		if s.Unlocked = measure.IsLists(s); !s.Unlocked {
			continue
		}
		if o.work.Record > 0 { // the server's responses do not hold what a history needs
			return usagef("%s: not with %s %s:layout=list: want sessbench verify with it, which records everything",
				o.from("record"), o.from("strategy"), redisName)
		}
		for k := range of {
			if of[k].TTL != of[0].TTL {
				return usagef("%s %s,%s: %s keeps one time-to-live, and theirs differ: want a run for each",
					o.from("scenario"), of[0].Name, of[k].Name, s.Label)
			}
		}
	}
	return nil
}
