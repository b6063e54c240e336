//go:build !linux

package adapter

import "github.com/sessbench/sessbench/scenarios"

// group is nobody: what processes spend is not to be had here.
type group struct{}

func (*group) recount(int) {}

func (*group) usage() (scenarios.TargetUsage, error) {
	return scenarios.TargetUsage{}, scenarios.ErrUnsupported
}

func (*group) close() {}
