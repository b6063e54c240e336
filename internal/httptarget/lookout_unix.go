//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package httptarget

import (
	"errors"
	"net"
	"syscall"
)

// lookout looks at a connection between exchanges, without waiting and without reading.
type lookout struct {
	raw  syscall.RawConn
	peek func(fd uintptr) // l.peekAt, made once
	open bool             // result of peek
	data [1]byte
}

// watch makes nc the connection to look at.
func (l *lookout) watch(nc net.Conn) {
	l.raw = nil
	if s, ok := nc.(syscall.Conn); ok {
		l.raw, _ = s.SyscallConn() // nil after an error: then the connection is replaced
	}
	l.peek = l.peekAt
}

// quiet reports whether the connection is open and has no unread data.
func (l *lookout) quiet() bool {
	l.open = false
	return l.raw != nil && l.raw.Control(l.peek) == nil && l.open
}

func (l *lookout) peekAt(fd uintptr) {
	_, _, err := syscall.Recvfrom(int(fd), l.data[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	l.open = errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
}
