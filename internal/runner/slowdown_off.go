//go:build !slowdown

package runner

// slowed is the subject as it is. Built with -tags slowdown it is slower by a known share.
func slowed(subject Subject) (Subject, error) { return subject, nil }
