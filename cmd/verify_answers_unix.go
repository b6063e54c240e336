//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// answerOn gives a child a descriptor of its own for its answers. Its stdout goes where its stderr goes, for the system as
// well as for Go: neither a logger that was made before Main nor C code can spoil what the parent reads.
func answerOn(c *verifyingProcess, w *os.File) (descriptor int) {
	c.Stdout = c.Stderr
	c.ExtraFiles = []*os.File{w}
	return 3 // the first behind stdin, stdout and stderr
}

// keepToOurselves keeps a descriptor from the processes that this one starts.
func keepToOurselves(descriptor int) { syscall.CloseOnExec(descriptor) }
