//go:build !unix

package cmd

import "syscall"

// apart leaves a child where it is: a Ctrl-C that reaches it, too, ends its run as its parent's word would.
func apart() *syscall.SysProcAttr { return nil }
