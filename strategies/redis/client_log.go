package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// SilenceClient turns off the log that the Redis client writes to standard error, for the whole process: the client also returns
// what it logs as errors. It must not be called while a client is in use.
func SilenceClient() { goredis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
