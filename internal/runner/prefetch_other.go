//go:build !amd64

package runner

import "unsafe"

// prefetch does nothing here.
func prefetch(_, _ unsafe.Pointer) {}
