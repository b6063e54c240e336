//go:build !unix

package child

import (
	"os"
	"os/exec"
	"syscall"
)

// groupLeader does nothing, for there are no process groups: Ctrl-C reaches the child, too.
func groupLeader() *syscall.SysProcAttr { return nil }

// killGroup kills a process, but not the processes that it started. It fails where the process has ended.
func killGroup(leader *os.Process) error { return leader.Kill() }

// answerOn has a child answer on its stdout, for it inherits no other descriptors.
func answerOn(cmd *exec.Cmd, _ *os.File, variable string) { setenv(cmd, variable, "1") }

// closeOnExec does nothing: a process inherits only the descriptors that it is given.
func closeOnExec(int) {}
