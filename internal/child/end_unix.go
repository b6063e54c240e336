//go:build unix

package child

import (
	"os"
	"syscall"
)

// EndGroup ends a process that was started apart, and all of its group, also when the process itself is dead: its number is
// not given to another one as long as the group has members, and hardly at once where it has none. The error is that
// there is nobody.
func EndGroup(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGKILL) }
