package wait

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm calls back at a time. A timer of the kernel's ends the network poller's wait when it expires, to the
// microsecond, where a timer of Go's would be rounded up to the next millisecond.
type alarm struct {
	file *os.File
	fd   int
	done chan struct{}
}

// newAlarm returns an alarm that calls ring, from a goroutine of its own.
func newAlarm(ring func()) (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timerfd"), fd: fd, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		for expirations := make([]byte, 8); ; {
			if _, err := a.file.Read(expirations); err != nil {
				return // closed
			}
			ring()
		}
	}()
	return a, nil
}

// set replaces the time of the alarm by now + d. An expiry of the previous time may still be delivered.
func (a *alarm) set(d time.Duration) {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(max(1, int64(d)))}
	_ = unix.TimerfdSettime(a.fd, 0, &at, nil) // cannot fail: the descriptor is open and the time is valid
}

func (a *alarm) close() {
	_ = a.file.Close()
	<-a.done
}
