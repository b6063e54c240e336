//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package httptarget

import (
	"net"
	"time"
)

// lookout looks at a connection between exchanges. Here it must wait to see whether the connection is open, so it looks only at
// those that had no exchange for some time: before the time-outs of services for idle connections.
type lookout struct {
	nc   net.Conn
	used time.Time
}

// watch makes nc the connection to look at.
func (l *lookout) watch(nc net.Conn) { l.nc, l.used = nc, time.Now() }

// quiet reports whether the connection is open and has no unread data.
func (l *lookout) quiet() bool {
	const recently, wait = time.Second, time.Millisecond
	now := time.Now()
	idle := now.Sub(l.used)
	if l.used = now; idle < recently {
		return true
	}
	if l.nc.SetReadDeadline(now.Add(wait)) != nil {
		return false
	}
	var data [1]byte
	n, err := l.nc.Read(data[:])
	return n == 0 && timedOut(err)
}
