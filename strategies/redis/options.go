package redis

import (
	"errors"
	"fmt"
	"time"
)

// Option is a setting of a [Store].
type Option func(*settings)

type settings struct {
	atomic     Atomic
	codec      Codec
	retries    int
	ttl        time.Duration
	lockExpiry time.Duration
	pipelining bool
}

// The defaults.
const (
	DefaultAtomic     = Watch
	DefaultRetries    = 100
	DefaultLockExpiry = 10 * time.Second
)

// WithAtomic says what makes an update one step. The default is Watch.
func WithAtomic(a Atomic) Option { return func(s *settings) { s.atomic = a } }

// WithPipelining, when on, has concurrent operations share round trips, with Lua and Lock: while some commands are under way,
// those that come are put together and go next, as one pipeline. It spares this process most of what a round trip costs.
//
// Once a command is under way, not even ctx's deadline ends the wait for its answer, only the client's time-outs do. Where a
// connection fails, it fails all who shared it. The client follows the redirections of a cluster, and tries nothing else
// again, whatever its MaxRetries; and a cluster's pipeline is back when the slowest of its servers has answered. The default
// is a round trip for each command.
func WithPipelining(on bool) Option { return func(s *settings) { s.pipelining = on } }

// WithCodec says how sessions become bytes. The default is [JSON].
func WithCodec(c Codec) Option { return func(s *settings) { s.codec = c } }

// WithRetries bounds the tries after the first that an Update, or the removal of one session by Sweep, may need because
// others change the session at the same time. When n of them are used up, the answer is [manager.ErrConflict].
// Between two of them lies a random pause of at most 20 ms. Waiting for a lock is no try. The default is DefaultRetries.
func WithRetries(n int) Option { return func(s *settings) { s.retries = n } }

// WithTTL makes Redis itself remove a session that was not written for so long, in whole milliseconds; nobody is told.
// Reads do not count. The default, 0, keeps sessions until they are removed.
func WithTTL(d time.Duration) Option { return func(s *settings) { s.ttl = d } }

// WithLockExpiry is the time after which a lock goes to the next one although its holder has not given it back, in
// whole milliseconds: longer than any fn takes. The default is DefaultLockExpiry.
func WithLockExpiry(d time.Duration) Option { return func(s *settings) { s.lockExpiry = d } }

var errWatchPipelined = fmt.Errorf("pipelining with atomic=%s, where an update has a connection to itself: want atomic=%s or atomic=%s",
	Watch, Lua, Lock)

func newSettings(opts []Option) (settings, error) {
	s := settings{atomic: DefaultAtomic, codec: JSON{}, retries: DefaultRetries, lockExpiry: DefaultLockExpiry}
	for _, o := range opts {
		o(&s)
	}
	return s, errors.Join(s.check()...)
}

func (s *settings) check() (wrong []error) {
	if err := s.atomic.check(); err != nil {
		wrong = append(wrong, err)
	}
	if s.pipelining && s.atomic == Watch {
		wrong = append(wrong, errWatchPipelined)
	}
	if s.codec == nil {
		wrong = append(wrong, errors.New("no codec: want one, such as redis.JSON{}"))
	}
	if s.retries < 0 {
		wrong = append(wrong, fmt.Errorf("%d retries: want 0 or more", s.retries))
	}
	if err := checkTTL(s.ttl); err != nil {
		wrong = append(wrong, err)
	}
	if s.lockExpiry < time.Millisecond {
		wrong = append(wrong, fmt.Errorf("lock expiry %v: want 1ms and more", s.lockExpiry))
	}
	return wrong
}

func checkTTL(d time.Duration) error {
	if d != 0 && d < time.Millisecond {
		return fmt.Errorf("time-to-live %v: want 0, or 1ms and more", d)
	}
	return nil
}
