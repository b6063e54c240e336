package storetest

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end the child when the test process is killed.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
