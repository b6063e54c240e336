//go:build !unix || solaris || aix

package scratch

import "os"

// tryLock locks nothing, so that no directory is found to be left behind.
func tryLock(*os.File) (free bool, err error) { return false, nil }
