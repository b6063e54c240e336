package distributed

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// answerTimeout is how long the server may take to answer.
const answerTimeout = 3 * time.Second

// Connect returns a client of the server at a URL: redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// with TLS, or
// unix://PATH. No connection is made yet. Errors do not show the URL, which may hold a password.
func Connect(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil || strings.TrimSpace(url) != url {
		return nil, errors.New("want redis://[USER:PASSWORD@]HOST[:PORT][/DB], or rediss:// for TLS")
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = answerTimeout, answerTimeout, answerTimeout
	o.DialerRetries = 1 // requests are repeated anyway
	o.PoolSize = 1000   // more than are ever used: after that many failures the client would leave a goroutine running
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}
