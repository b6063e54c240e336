//go:build !unix

package duet

import (
	"os"
	"syscall"
)

// apart leaves a process where it is: there are no groups.
func apart() *syscall.SysProcAttr { return nil }

// end ends a process.
func end(p *os.Process) error { return p.Kill() }
