//go:build unix

package duet

import (
	"os"
	"syscall"
)

// end ends a process and all of its group.
func end(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGKILL) }
