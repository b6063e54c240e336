//go:build !slowdown

package runner

import "context"

// slowed is the subject as it is. Built with -tags slowdown it is slower by a known share.
func slowed(_ context.Context, subject Subject, _ setup) (Subject, error) { return subject, nil }
