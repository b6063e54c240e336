package child

import "syscall"

// groupLeader makes a process the leader of a new process group, and has the kernel kill it when the thread that started
// it ends.
func groupLeader() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
