//go:build unix && !linux

package cmd

import "syscall"

// apart keeps a child out of the terminal's reach, so that Ctrl-C is told to it by its parent alone.
func apart() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
