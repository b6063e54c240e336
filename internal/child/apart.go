package child

import (
	"os"
	"syscall"
)

// Apart is for one caller that does not use [Start] yet.
func Apart() *syscall.SysProcAttr { return groupLeader() }

// EndGroup is for one caller that does not use [Start] yet.
func EndGroup(leader *os.Process) error { return killGroup(leader) }
