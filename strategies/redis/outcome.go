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

// ErrLockLost says that the lock's expiry passed while fn ran, so that somebody else may have come in. The write was
// refused: it comes wrapped in [manager.ErrNotApplied].
var ErrLockLost = errors.New("lock lost: it expired before the write")

// again says that an operation met somebody else's, or a cluster on the move, and did nothing: another try may succeed.
// cause is the answer where there is no further try.
type again struct{ cause error }

func (a *again) Error() string { return a.cause.Error() }

// parcel is an argument of a command that changes something, and the witness of the command's fate: the client asks for
// its bytes each time it writes the command to a connection.
//
// So a failure that came before anything was sent is told from one that came after, whatever it is called. And
// a client that sends a command again (a cluster client does so after time-outs, whatever MaxRetries says) cannot do it
// unseen: unless an error reply proves that the earlier copy was refused, it may have been carried out, and doubt says so.
type parcel struct {
	bytes []byte
	once  bool          // a second copy would do harm: it is withheld while there is doubt about the first
	cmd   goredis.Cmder // that it is part of
	sent  bool
	doubt bool // an earlier copy may have been carried out
}

// errOnce is why the client could not send a command again, and errSentAgain what is known of a copy that was sent after
// another was refused: until it is answered, nothing.
var (
	errOnce      = errors.New("redis: no answer, and not sent again")
	errSentAgain = errors.New("redis: sent again, and no answer")
)

// MarshalBinary implements [encoding.BinaryMarshaler]. The client calls it, and nobody else.
func (p *parcel) MarshalBinary() ([]byte, error) {
	if p.sent {
		if !isReply(p.cmd.Err()) {
			p.doubt = true
			if p.once {
				return nil, errOnce
			}
		}
		p.cmd.SetErr(errSentAgain) // in a pipeline the earlier copy's refusal would stay when the connection fails
	}
	p.sent = true
	return p.bytes, nil
}

// move makes the parcel part of cmd; the command it was part of until now was refused.
func (p *parcel) move(cmd goredis.Cmder) {
	p.cmd, p.sent = cmd, p.doubt
}

// refused reports whether no copy of the command, which ended with err, can have been carried out.
func (p *parcel) refused(err error) bool { return !p.sent || isReply(err) && !p.doubt }

// failed is the answer to the caller where the command ended with err.
func (p *parcel) failed(ctx context.Context, err error) error {
	if p.refused(err) {
		return notApplied(ctx, err)
	}
	return fmt.Errorf("%w: %w", manager.ErrIndeterminate, because(ctx, err))
}

// notApplied is the answer where what failed was no write.
func notApplied(ctx context.Context, err error) error { return manager.NotApplied(because(ctx, err)) }

// because puts ctx's error before that of a connection which ended with ctx: a connection only knows that it was late.
func because(ctx context.Context, err error) error {
	cause := ctx.Err()
	var late net.Error
	if deadline, ok := ctx.Deadline(); cause == nil && ok && errors.As(err, &late) && late.Timeout() && !time.Now().Before(deadline) {
		cause = context.DeadlineExceeded // ctx is about to find out
	}
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// unless is refusal, what the server answered to a copy of the command, unless an earlier copy may have succeeded.
func (p *parcel) unless(refusal error) error {
	if !p.doubt {
		return refusal
	}
	return fmt.Errorf("%w: it was sent more than once, the last time after: %w", manager.ErrIndeterminate, cause(refusal))
}

// cause strips what must not be found in an error whose outcome is unknown.
func cause(refusal error) error {
	if a, ok := refusal.(*again); ok {
		return errors.New(a.Error())
	}
	return errors.New(refusal.Error())
}

// isReply reports whether err is what a server answered. No command of this package changes anything before the last
// check that can fail, and Redis refuses a script for want of memory or replicas only before its first write, so an error
// reply means that nothing was changed: LOADING, READONLY, MOVED, ASK, TRYAGAIN, CLUSTERDOWN, EXECABORT, OOM and the rest.
func isReply(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply)
}
