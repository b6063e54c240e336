//go:build !linux

package child

import "errors"

// Group is empty: the usage of processes is only read on Linux.
type Group struct{}

// Find does nothing.
func (*Group) Find(int) {}

// Usage returns [errors.ErrUnsupported].
func (*Group) Usage() (Usage, error) {
	return Usage{}, errors.ErrUnsupported
}

// Close does nothing.
func (*Group) Close() {}
