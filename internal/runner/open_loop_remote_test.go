package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessbench/sessbench/manager"
	"github.com/sessbench/sessbench/scenarios"
)

// remoteTarget is a program whose connections and operations a test delays or fails.
type remoteTarget struct {
	*program
	connects atomic.Int32
	connect  func(n int) error                // before the connection number n from 1 is opened; may be nil
	do       func(q *scenarios.Request) error // in place of an operation, if it returns an error; may be nil
}

func (r *remoteTarget) Connect(ctx context.Context) (scenarios.Conn, error) {
	if n := int(r.connects.Add(1)); r.connect != nil {
		if err := r.connect(n); err != nil {
			return nil, err
		}
	}
	c, err := r.program.Connect(ctx)
	return remoteConn{c, r}, err
}

type remoteConn struct {
	scenarios.Conn
	of *remoteTarget
}

func (c remoteConn) Do(ctx context.Context, q *scenarios.Request, a *scenarios.Effect) error {
	if c.of.do != nil {
		if err := c.of.do(q); err != nil {
			a.Clear()
			return err
		}
	}
	return c.Conn.Do(ctx, q, a)
}

// drivenRemotely returns a subject of r.
func drivenRemotely(r *remoteTarget) Subject {
	r.program = newProgram()
	s := driven(r.program)
	s.Target = r
	return s
}

// connections are those of a trial besides the users'.
const connections = 16 + 1 // of the preloaders and the sweeper

// A remote system gets connections as users are needed, within a bound.
func TestConnectionsOfAnOpenLoop(t *testing.T) {
	for _, c := range []struct {
		name         string
		settings     []string
		took         time.Duration // by each append
		least, most  int
		limit, total int
	}{
		{"few are busy", []string{"rate", "300/s"}, 0, firstUsers, scenarios.RemoteUsers - 1, scenarios.RemoteUsers, scenarios.RemoteUsers},
		{"all are busy", []string{"rate", "3000/s"}, time.Second, scenarios.RemoteUsers, scenarios.RemoteUsers, scenarios.RemoteUsers, scenarios.RemoteUsers},
		{"--max-users", []string{"rate", "3000/s", "max-users", "600"}, time.Second, 600, 600, 600, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &remoteTarget{do: func(q *scenarios.Request) error {
				if q.Op == scenarios.Append {
					time.Sleep(c.took)
				}
				return nil
			}}
			trial := try(t, appends(t, c.settings...), drivenRemotely(r), 500*time.Millisecond)
			if n := int(r.connects.Load()) - connections; n < c.least || n > c.most {
				t.Errorf("%d users were connected: want %d to %d", n, c.least, c.most)
			}
			o := trial.OpenLoop
			if full := o.Users == o.Limit; o.Limit != c.limit || full != (c.took > 0) {
				t.Errorf("%d of %d users were busy", o.Users, o.Limit)
			}
			if r.conns != 0 || !trial.Audit.OK {
				t.Errorf("%d connections are left, %+v", r.conns, trial.Audit)
			}
		})
	}
}

// The time that a connection takes in the window is part of the start delay, and of no operation's service time.
func TestConnectingIsStartDelay(t *testing.T) {
	const slow = 300 * time.Millisecond
	r := &remoteTarget{}
	r.connect = func(n int) error {
		if n > connections+firstUsers {
			time.Sleep(slow)
		}
		return nil
	}
	r.do = func(q *scenarios.Request) error {
		if q.Op == scenarios.Append {
			time.Sleep(slow / 3)
		}
		return nil
	}
	trial := try(t, appends(t, "rate", "1000/s", "arrivals", "constant", "max-users", "200"), drivenRemotely(r), 400*time.Millisecond)
	o := trial.OpenLoop
	if *o.StartNs.P50 < int64(slow/10) || o.Users <= firstUsers {
		t.Errorf("start delay %+v, %d users", o.StartNs, o.Users)
	}
	if *o.ServiceNs.P50 > int64(slow/2) {
		t.Errorf("p50 of the service time is %v, of an append %v", time.Duration(*o.ServiceNs.P50), slow/3)
	}
}

// A connection that is refused in the window ends the trial with the reason.
func TestRefusedConnectionInAnOpenLoop(t *testing.T) {
	r := &remoteTarget{connect: func(n int) error {
		if n > connections+firstUsers+5 {
			return errors.New("too many connections")
		}
		return nil
	}}
	r.do = func(q *scenarios.Request) error {
		if q.Op == scenarios.Append {
			time.Sleep(100 * time.Millisecond)
		}
		return nil
	}
	of := drivenRemotely(r)
	s := appends(t, "rate", "2000/s")
	run := run{Config: Config{Seed: DefaultSeed, Window: time.Minute}}
	_, err := runTrial(t.Context(), of, run.setup(&s))
	const want = ": too many connections (--max-users bounds the connections)"
	if v := (*Violation)(nil); !errors.As(err, &v) || !strings.HasPrefix(v.Detail, "connecting user ") || !strings.HasSuffix(v.Detail, want) {
		t.Errorf("%v: want %q", err, want)
	}
}

// Operations without an answer do not end: percentiles that reach them are lower bounds, and they cannot make a store look fast.
func TestUnansweredInAnOpenLoop(t *testing.T) {
	n := 0
	r := &remoteTarget{}
	of := drivenRemotely(r)
	r.before = func(_ int, q *scenarios.Request) error {
		if q.Op != scenarios.Append {
			return nil
		}
		if n++; n%10 == 0 {
			return fmt.Errorf("reset: %w", manager.ErrIndeterminate)
		}
		return nil
	}
	trial := try(t, appends(t, "rate", "2000/s", "arrivals", "constant"), of, 500*time.Millisecond)
	l, s := trial.LatencyNs, trial.OpenLoop.ServiceNs
	if l.Count != trial.Visits || trial.Operations["append"].Count != trial.Visits || s.Count != l.Count {
		t.Errorf("%d visits, %d responses, %d services, %+v", trial.Visits, l.Count, s.Count, trial.Operations)
	}
	if l.Censored == nil || l.Censored.Count < l.Count/11 || l.Censored.Count > l.Count/9 || l.AtLeast(*l.P50) || !l.AtLeast(*l.P95) || !s.AtLeast(*s.P95) {
		t.Errorf("response %+v, censored %+v", l, l.Censored)
	}
	if trial.Errors["indeterminate"] != l.Censored.Count || !trial.Audit.OK {
		t.Errorf("errors %v, %+v", trial.Errors, trial.Audit)
	}
}

// A target that is gone in the window ends the trial at once.
func TestTargetGoneInAnOpenLoop(t *testing.T) {
	var n atomic.Int32
	r := &remoteTarget{do: func(q *scenarios.Request) error {
		if q.Op == scenarios.Append && n.Add(1) > 100 {
			return manager.NotApplied(scenarios.ErrUnavailable)
		}
		return nil
	}}
	of := drivenRemotely(r)
	s := appends(t, "rate", "2000/s")
	run := run{Config: Config{Seed: DefaultSeed, Window: time.Minute}}
	_, err := runTrial(t.Context(), of, run.setup(&s))
	if v := (*Violation)(nil); !errors.As(err, &v) || v.Kind != "target gone" {
		t.Error(err)
	}
}
