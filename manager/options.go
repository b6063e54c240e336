package manager

import "time"

// Option configures a manager.
type Option func(*options)

type options struct {
	work     Work
	ttl      time.Duration
	clock    func() time.Time
	onRemove func(id ID, last Session)
}

func newOptions(opts []Option) options {
	o := options{clock: time.Now}
	for _, apply := range opts {
		apply(&o)
	}
	return o
}

// WithWork has every update do work while it holds the session. The default is no work.
func WithWork(work Work) Option { return func(o *options) { o.work = work } }

// WithTTL says that sessions are meant to live ttl beyond their last use, so that reads count as uses. A touch is an
// update, made only when the last one is older than a tenth of ttl, as session middleware does.
// Without it no use is recorded after a session's creation.
func WithTTL(ttl time.Duration) Option { return func(o *options) { o.ttl = ttl } }

// WithClock replaces time.Now as the source of last-use times.
func WithClock(clock func() time.Time) Option { return func(o *options) { o.clock = clock } }

// OnRemove has removed called with the last state of each session that the manager deletes or expires, once each, on
// the goroutine that asked for it. removed must not use the store.
func OnRemove(removed func(id ID, last Session)) Option {
	return func(o *options) { o.onRemove = removed }
}

func (o *options) doWork() {
	if o.work != nil {
		o.work()
	}
}

// now is the clock in Unix nanoseconds.
func (o *options) now() int64 { return o.clock().UnixNano() }

// touchDue reports whether a use of s now has to be recorded.
func (o *options) touchDue(s *Session) bool {
	return o.ttl > 0 && o.now()-s.Touched > int64(o.ttl/10)
}
