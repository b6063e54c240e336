//go:build !linux

package redistest

import "os/exec"

// apart does nothing: only on Linux is there a way for a process to die with the one that started it.
func apart(*exec.Cmd) {}
