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

// WithWork makes every update do work while it holds the session. The default is no work.
func WithWork(work Work) Option { return func(o *options) { o.work = work } }

// WithTTL records reads as uses, for sessions that expire ttl after their last use. The record is an update, a touch, made only
// when the last one is older than a tenth of ttl, as session middleware does. Without WithTTL no use is recorded after a
// session's creation.
func WithTTL(ttl time.Duration) Option { return func(o *options) { o.ttl = ttl } }

// withClock replaces time.Now as the source of last-use times. For tests.
func withClock(clock func() time.Time) Option { return func(o *options) { o.clock = clock } }

// OnRemove calls removed once with the final state of each session that the manager deletes or expires, on the goroutine that
// called the manager. removed must not use the store.
func OnRemove(removed func(id ID, last Session)) Option {
	return func(o *options) { o.onRemove = removed }
}

func (o *options) doWork() {
	if o.work != nil {
		o.work()
	}
}

// now returns the time in Unix nanoseconds.
func (o *options) now() int64 { return o.clock().UnixNano() }

// touchDue reports whether a use of s at this time has to be recorded.
func (o *options) touchDue(s *Session) bool {
	return o.ttl > 0 && o.now()-s.Touched > int64(o.ttl/10)
}
