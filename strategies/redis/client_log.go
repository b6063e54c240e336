package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"
)

// SilenceClient turns off the log that the Redis client writes to standard error, for the whole process: what it has to say
// comes back as errors, too. It is for main functions, and not to be called while a client is in use.
func SilenceClient() { goredis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
