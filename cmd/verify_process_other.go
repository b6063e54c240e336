//go:build !unix

package cmd

import (
	"os"
	"syscall"
)

// apart leaves a child where it is: a Ctrl-C that reaches it, too, ends its run as its parent's word would.
func apart() *syscall.SysProcAttr { return nil }

// endGroup does nothing: there are no process groups.
func endGroup(int) {}

// answerOn has a child answer on its stdout: a child gets no other descriptors here.
func answerOn(c *child, w *os.File) (descriptor int) {
	c.Stdout = w
	return 1
}

// keepToOurselves does nothing: what a child starts gets no descriptors here but those it is given.
func keepToOurselves(int) {}
