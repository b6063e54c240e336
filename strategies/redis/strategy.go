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
	layoutBlob = "blob" // one value per session: a [Store]
	LayoutList = "list" // a list of messages: [Lists]
)

// The values of the parameter "pipelining".
const (
	pipeliningOff = "off" // one round trip per command
	PipeliningOn  = "on"  // [WithPipelining]
)

// Strategy describes the stores in the Redis that o selects to sessbench: each Open uses a new prefix and a new pool of connections,
// and a new server if o has no URL, and Close removes its keys.
//
// The guarantees are those of the default; [Atomic.Guarantees] returns the others.
func Strategy(o Options) strategies.Strategy {
	return strategies.Strategy{
		Name:        "redis",
		Description: "a value in Redis: read, changed in this process, written back unless it was changed meanwhile, else retried",
		Guarantees:  defaultAtomic.Guarantees(),
		Params: []strategies.Param{
			{
				Name: "atomic", Default: string(defaultAtomic), Legal: legalAtomics(),
				Doc:   "how an update is made atomic: watch (WATCH/MULTI), lua (a comparing script) or lock (a lock key)",
				Check: func(value string) error { return Atomic(value).check() },
			},
			{
				Name: "layout", Default: layoutBlob, Legal: layoutBlob + ", " + LayoutList,
				Doc:   "blob: a session is one value; list: its messages are a list that the server appends to",
				Check: oneOf(layoutBlob, LayoutList),
			},
			{
				Name: "pipelining", Default: pipeliningOff, Legal: pipeliningOff + ", " + PipeliningOn,
				Doc:   "on: concurrent operations share round trips; not with atomic=watch",
				Check: oneOf(pipeliningOff, PipeliningOn),
			},
			{
				Name: "retries", Default: strconv.Itoa(defaultRetries), Legal: "a number from 0 to 1000000",
				Doc: "retries of an update after conflicts with concurrent changes",
				Check: func(value string) error {
					if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 1_000_000 {
						return fmt.Errorf("not a number from 0 to 1000000")
					}
					return nil
				},
			},
			{
				Name: "lock-expiry", Default: defaultLockExpiry.String(), Legal: "a duration of 1ms and more",
				Doc: "with atomic=lock: time after which an unreleased lock expires",
				Check: func(value string) error {
					if d, err := time.ParseDuration(value); err != nil || d < time.Millisecond {
						return fmt.Errorf("not a duration of 1ms and more")
					}
					return nil
				},
			},
		},
		Check: func(p strategies.Values) error {
			if p["pipelining"] == PipeliningOn && p["layout"] == layoutBlob && p["atomic"] == string(Watch) {
				return errWatchPipelined
			}
			return nil
		},
		Open: func(p strategies.Values) (manager.SessionStore[manager.Session], error) {
			return open(o, p)
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

func open(o Options, p strategies.Values) (manager.SessionStore[manager.Session], error) {
	if p["layout"] == LayoutList {
		return nil, fmt.Errorf("redis: layout=%s has no sessions to pass to closures: want layout=%s here", LayoutList, layoutBlob)
	}
	expiry, err := time.ParseDuration(p["lock-expiry"])
	if err != nil {
		return nil, fmt.Errorf("redis: lock-expiry: %w", err)
	}
	server, err := Connect(context.Background(), o)
	if err != nil {
		return nil, err
	}
	s, err := New[manager.Session](server.Client(), server.Prefix(), WithAtomic(Atomic(p["atomic"])), WithRetries(p.Int("retries")),
		WithLockExpiry(expiry), WithPipelining(p["pipelining"] == PipeliningOn), WithTTL(o.TTL))
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	s.release = server.Close
	return s, nil
}
