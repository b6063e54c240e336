//go:build unix

package openfiles

import (
	"errors"
	"syscall"
)

// exhausted reports whether err says that this process, or the system, can open no more files.
func exhausted(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// limit is this process's, 0 where it is not known.
func limit() uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return uint64(l.Cur)
}
