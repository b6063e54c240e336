//go:build !linux

package adapter

import "github.com/sessbench/sessbench/scenarios"

// group is empty: the usage of processes is only read on Linux.
type group struct{}

func (*group) find(int) {}

func (*group) usage() (scenarios.TargetUsage, error) {
	return scenarios.TargetUsage{}, scenarios.ErrUnsupported
}

func (*group) close() {}
