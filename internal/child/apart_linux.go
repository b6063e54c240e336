package child

import "syscall"

// Apart makes a process the leader of a group: Ctrl-C does not reach it, and whatever it starts can be ended with it. It
// dies with the thread that started it.
func Apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
