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
	defaultAtomic     = Watch
	defaultRetries    = 100
	defaultLockExpiry = 10 * time.Second
)

// WithAtomic sets how updates are made atomic. The default is Watch.
func WithAtomic(a Atomic) Option { return func(s *settings) { s.atomic = a } }

// WithPipelining makes concurrent operations share round trips, with Lua and Lock: commands that arrive while others are in flight
// are sent next, as one pipeline. It saves this process most of the cost of a round trip.
//
// Once a command was sent, not even ctx's deadline ends the wait for its reply, only the client's time-outs do. When a connection
// fails, all operations that share it fail. The client follows the redirections of a cluster, and retries nothing else, whatever
// its MaxRetries; a cluster's pipeline completes when the slowest of its servers has replied. The default is one round trip per
// command.
func WithPipelining(on bool) Option { return func(s *settings) { s.pipelining = on } }

// WithCodec sets the encoding of sessions. The default is [JSON].
func WithCodec(c Codec) Option { return func(s *settings) { s.codec = c } }

// WithRetries limits the retries of an Update, or of the removal of one session by Sweep, after conflicts with concurrent changes.
// After n retries the operation returns [manager.ErrConflict]. Before each there is a random pause of at most 20 ms. Waiting for a
// lock is no retry. The default is 100.
func WithRetries(n int) Option { return func(s *settings) { s.retries = n } }

// WithTTL makes Redis remove a session that was not written for d, in whole milliseconds, without a callback. Reads do not count. The
// default, 0, keeps sessions until they are removed.
func WithTTL(d time.Duration) Option { return func(s *settings) { s.ttl = d } }

// WithLockExpiry sets the time after which an unreleased lock expires, in whole milliseconds. It must be longer than any fn takes. The
// default is 10 s.
func WithLockExpiry(d time.Duration) Option { return func(s *settings) { s.lockExpiry = d } }

var errWatchPipelined = fmt.Errorf("pipelining with atomic=%s, where each update needs its own connection: want atomic=%s or atomic=%s",
	Watch, Lua, Lock)

func newSettings(opts []Option) (settings, error) {
	s := settings{atomic: defaultAtomic, codec: JSON{}, retries: defaultRetries, lockExpiry: defaultLockExpiry}
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
