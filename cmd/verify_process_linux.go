package cmd

import "syscall"

// apart makes a child the leader of a process group. That keeps it out of the terminal's reach, so that Ctrl-C is told to it
// by its parent alone, and whatever it starts can be ended with it. It dies with the thread that started it.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
