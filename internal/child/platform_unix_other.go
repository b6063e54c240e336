//go:build unix && !linux

package child

import "syscall"

// groupLeader makes a process the leader of a new process group.
func groupLeader() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
