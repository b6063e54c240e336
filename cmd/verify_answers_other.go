//go:build !unix

package cmd

import "os"

// answerOn has a child answer on its stdout: a child gets no other descriptors here.
func answerOn(c *verifyingProcess, w *os.File) (descriptor int) {
	c.Stdout = w
	return 1
}

// keepToOurselves does nothing: what a child starts gets no descriptors here but those it is given.
func keepToOurselves(int) {}
