//go:build !unix

package child

import (
	"os"
	"os/exec"
)

// answerOn has a child answer on its stdout: a child gets no other descriptors here.
func answerOn(cmd *exec.Cmd, _ *os.File, variable string) { setenv(cmd, variable, "1") }

// keepFromChildren does nothing: processes get no descriptors here but those they are given.
func keepFromChildren(int) {}
