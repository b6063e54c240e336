//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// endGroup ends what is left of a process group. Its leader is dead, so nobody there is wanted any more; its number
// is not given to another process as long as the group has members, and hardly at once where it has none.
func endGroup(leader int) { _ = syscall.Kill(-leader, syscall.SIGKILL) } // errs when there is nobody

// answerOn gives a child a descriptor of its own for its answers. Its stdout goes where its stderr goes, for the system as
// well as for Go: neither a logger that was made before Main nor C code can spoil what the parent reads.
func answerOn(c *child, w *os.File) (descriptor int) {
	c.Stdout = c.Stderr
	c.ExtraFiles = []*os.File{w}
	return 3 // the first behind stdin, stdout and stderr
}

// keepToOurselves keeps a descriptor from the processes that this one starts.
func keepToOurselves(descriptor int) { syscall.CloseOnExec(descriptor) }
