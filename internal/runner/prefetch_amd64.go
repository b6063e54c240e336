package runner

import "unsafe"

// prefetch has the processor fetch the cache lines at two addresses, and does not wait for them.
//
// Rejected: loads. The clock is read behind all earlier loads, so that it waits for them, and the operation before takes longer.
//
//go:noescape
func prefetch(a, b unsafe.Pointer)
