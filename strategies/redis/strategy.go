package redis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/strategies"
)

// The layouts of a conversation, as the values of the parameter "layout".
const (
	LayoutBlob = "blob" // one value a session: a [Store]
	LayoutList = "list" // a list of messages: [Lists]
)

// The values of the parameter "pipelining".
const (
	PipeliningOff = "off" // a round trip for each command
	PipeliningOn  = "on"  // [WithPipelining], [ListsPipelining]
)

// Strategy describes the stores in the Redis that o names, as sessbench drives them: each Open has a prefix and a pool of
// connections of its own, in a server of its own where o has no URL, and Close removes all it has left.
//
// The guarantees are those of the default; [Atomic.Guarantees] has the others'.
func Strategy(o Options) strategies.Strategy {
	return strategies.Strategy{
		Name:        "redis",
		Description: "a value in Redis, read, changed here, and written back if nobody has written meanwhile, else tried again",
		Guarantees:  DefaultAtomic.Guarantees(),
		Params: []strategies.Param{
			{
				Name: "atomic", Default: string(DefaultAtomic), Legal: legalAtomics(),
				Doc:   "what makes an update one step: watch (WATCH/MULTI), lua (a comparing script) or lock (a lock key)",
				Check: func(value string) error { return Atomic(value).check() },
			},
			{
				Name: "layout", Default: LayoutBlob, Legal: LayoutBlob + ", " + LayoutList,
				Doc:   "blob: a session is one value; list: its messages are a list that the server appends to",
				Check: oneOf(LayoutBlob, LayoutList),
			},
			{
				Name: "pipelining", Default: PipeliningOff, Legal: PipeliningOff + ", " + PipeliningOn,
				Doc:   "on: operations that meet share their round trips; not with atomic=watch",
				Check: oneOf(PipeliningOff, PipeliningOn),
			},
			{
				Name: "retries", Default: strconv.Itoa(DefaultRetries), Legal: "a number from 0 to 1000000",
				Doc: "tries of an update after the first, when others change the session at the same time",
				Check: func(value string) error {
					if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 1_000_000 {
						return fmt.Errorf("not a number from 0 to 1000000")
					}
					return nil
				},
			},
			{
				Name: "lock-expiry", Default: DefaultLockExpiry.String(), Legal: "a duration of 1ms and more",
				Doc: "with atomic=lock: when a lock that was not given back goes to the next one",
				Check: func(value string) error {
					if d, err := time.ParseDuration(value); err != nil || d < time.Millisecond {
						return fmt.Errorf("not a duration of 1ms and more")
					}
					return nil
				},
			},
		},
		Check: func(p strategies.Values) error {
			if p["pipelining"] == PipeliningOn && p["layout"] == LayoutBlob && p["atomic"] == string(Watch) {
				return errWatchPipelined
			}
			return nil
		},
		Open: func(p strategies.Values) (manager.SessionStore[manager.Session], error) {
			return open[manager.Session](o, p)
		},
		OpenProbe: func(p strategies.Values) (manager.SessionStore[strategies.Probe], error) {
			return open[strategies.Probe](o, p)
		},
		Remote:          true,
		WaitsOnChannels: true,
	}
}

func oneOf(legal ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(legal, value) {
			return errors.New("not legal")
		}
		return nil
	}
}

func open[T any](o Options, p strategies.Values) (manager.SessionStore[T], error) {
	if p["layout"] == LayoutList {
		return nil, fmt.Errorf("redis: layout=%s has no sessions to give to closures: want layout=%s here", LayoutList, LayoutBlob)
	}
	expiry, err := time.ParseDuration(p["lock-expiry"])
	if err != nil {
		return nil, fmt.Errorf("redis: lock-expiry: %w", err)
	}
	server, err := Connect(context.Background(), o)
	if err != nil {
		return nil, err
	}
	s, err := New[T](server.Client(), server.Prefix(), WithAtomic(Atomic(p["atomic"])), WithRetries(p.Int("retries")),
		WithLockExpiry(expiry), WithPipelining(p["pipelining"] == PipeliningOn), WithTTL(o.TTL))
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	s.release = server.Close
	return s, nil
}
