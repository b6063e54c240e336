package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessbench/sessbench/manager"
)

// ErrLockLost: the lock expired while fn ran, so that another update may have taken it. The write was rejected: the error is wrapped
// in [manager.ErrNotApplied].
var ErrLockLost = errors.New("lock lost: it expired before the write")

// again is the error of a try that changed nothing because of a conflict or a resharding of the cluster: another try may succeed.
// cause is the error to return if there is no further try.
type again struct{ cause error }

func (a *again) Error() string { return a.cause.Error() }

// parcel is an argument of a command that changes something. It records whether the command was sent: the client calls MarshalBinary
// each time it writes the command to a connection.
//
// So a failure before anything was sent is distinguished from one after, whatever the error is. A client that sends a command again
// (a cluster client does so after time-outs, whatever MaxRetries is) is noticed as well: unless an error reply proves that the
// earlier copy was rejected, it may have been executed, and doubt is set.
type parcel struct {
	bytes []byte
	once  bool          // a second copy would do harm: it is not sent while the outcome of the first is unknown
	cmd   goredis.Cmder // the command with this argument
	sent  bool
	doubt bool // an earlier copy may have been executed
}

// errOnce keeps the client from sending a command again. errSentAgain is the error of a copy sent after another was rejected, until
// there is a reply.
var (
	errOnce      = errors.New("redis: no answer, and not sent again")
	errSentAgain = errors.New("redis: sent again, and no answer")
)

// MarshalBinary implements [encoding.BinaryMarshaler]. Only the client calls it.
func (p *parcel) MarshalBinary() ([]byte, error) {
	if p.sent {
		if !isReply(p.cmd.Err()) {
			p.doubt = true
			if p.once {
				return nil, errOnce
			}
		}
		p.cmd.SetErr(errSentAgain) // in a pipeline the earlier copy's error would stay when the connection fails
	}
	p.sent = true
	return p.bytes, nil
}

// move makes the parcel an argument of cmd; the command it belonged to before was rejected.
func (p *parcel) move(cmd goredis.Cmder) {
	p.cmd, p.sent = cmd, p.doubt
}

// refused reports whether no copy of the command, which ended with err, can have been executed.
func (p *parcel) refused(err error) bool { return !p.sent || isReply(err) && !p.doubt }

// failed returns the error for the caller of a command that ended with err.
func (p *parcel) failed(ctx context.Context, err error) error {
	if p.refused(err) {
		return notApplied(ctx, err)
	}
	return fmt.Errorf("%w: %w", manager.ErrIndeterminate, because(ctx, err))
}

// notApplied returns the error for a command that was not a write.
func notApplied(ctx context.Context, err error) error { return manager.NotApplied(because(ctx, err)) }

// because adds ctx's error to that of a connection that ended with ctx, which is only a time-out.
func because(ctx context.Context, err error) error {
	cause := ctx.Err()
	var late net.Error
	if deadline, ok := ctx.Deadline(); cause == nil && ok && errors.As(err, &late) && late.Timeout() && !time.Now().Before(deadline) {
		cause = context.DeadlineExceeded // ctx.Err is not set yet
	}
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// unless returns refusal, the reply to a copy of the command, unless an earlier copy may have succeeded.
func (p *parcel) unless(refusal error) error {
	if !p.doubt {
		return refusal
	}
	return fmt.Errorf("%w: it was sent more than once, the last time after: %w", manager.ErrIndeterminate, cause(refusal))
}

// cause removes wrapped errors, which must not be found by errors.Is if the outcome is unknown.
func cause(refusal error) error {
	if a, ok := refusal.(*again); ok {
		return errors.New(a.Error())
	}
	return errors.New(refusal.Error())
}

// isReply reports whether err is an error reply of a server. No command of this package changes anything before the last check that
// can fail, and Redis rejects a script for lack of memory or replicas only before its first write, so an error reply means that
// nothing was changed: LOADING, READONLY, MOVED, ASK, TRYAGAIN, CLUSTERDOWN, EXECABORT, OOM and the rest.
func isReply(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply)
}
