//go:build !unix

package child

import (
	"os"
	"syscall"
)

// Apart leaves a process where it is, for there are no groups: a Ctrl-C reaches it, too.
func Apart() *syscall.SysProcAttr { return nil }

// EndGroup ends a process. What it started is beyond reach. The error is that it has ended already.
func EndGroup(leader *os.Process) error { return leader.Kill() }
