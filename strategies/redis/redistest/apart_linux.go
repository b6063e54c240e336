package redistest

import (
	"os/exec"
	"syscall"
)

// apart keeps a Ctrl-C from a process, and has the kernel kill it with the thread that starts it.
func apart(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
