//go:build unix

package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// killGroup kills the group that a process leads, also when the process itself has ended: its number is not reused as long
// as the group has members, and hardly at once where it has none. It fails where the group is empty.
func killGroup(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGKILL) }

// answerOn gives a child a separate descriptor for answers. Its stdout goes where its stderr goes, for the system as well
// as for Go: neither a logger that was made before main nor C code can spoil what the parent reads.
func answerOn(cmd *exec.Cmd, answers *os.File, variable string) {
	cmd.Stdout = cmd.Stderr
	cmd.ExtraFiles = append(cmd.ExtraFiles, answers)
	setenv(cmd, variable, fmt.Sprint(2+len(cmd.ExtraFiles))) // after stdin, stdout and stderr
}

// closeOnExec keeps a descriptor from the processes that this one starts.
func closeOnExec(descriptor int) { syscall.CloseOnExec(descriptor) }
