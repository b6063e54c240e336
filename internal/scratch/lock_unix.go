//go:build unix && !solaris && !aix

package scratch

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks f for as long as it is open, unless another process has locked it. The lock is the open file's, and not the
// process's, and a program that this one starts does not inherit the file.
func tryLock(f *os.File) (free bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
