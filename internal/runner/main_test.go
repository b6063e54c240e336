package runner

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/sessbench/sessbench/strategies/redis"
)

func TestMain(m *testing.M) {
	redis.SilenceClient() // servers die here
	// The client waits for a second after a dial that failed, and then leaves.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}
