//go:build unix

package child

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// answerOn gives a child a descriptor of its own for its answers. Its stdout goes where its stderr goes, for the system as
// well as for Go: neither a logger that was made before main nor C code can spoil what the parent reads.
func answerOn(cmd *exec.Cmd, answers *os.File, variable string) {
	cmd.Stdout = cmd.Stderr
	cmd.ExtraFiles = append(cmd.ExtraFiles, answers)
	setenv(cmd, variable, fmt.Sprint(2+len(cmd.ExtraFiles))) // behind stdin, stdout and stderr
}

// keepFromChildren keeps a descriptor from the processes that this one starts.
func keepFromChildren(descriptor int) { syscall.CloseOnExec(descriptor) }
