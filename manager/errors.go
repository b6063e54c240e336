package manager

import (
	"errors"
	"fmt"
)

// What a store or a manager answers when it did not do what was asked. Compare with errors.Is.
var (
	// ErrNotFound: no session has this id, or no longer.
	ErrNotFound = errors.New("session not found")

	// ErrExists: an id minted for a new session was already there.
	ErrExists = errors.New("session already exists")

	// ErrClosed: the store was closed before the operation took effect.
	ErrClosed = errors.New("store closed")

	// ErrNotApplied: the operation was refused or given up before it took effect. Wraps the cause,
	// context.Canceled and context.DeadlineExceeded included.
	ErrNotApplied = errors.New("operation not applied")

	// ErrConflict: every retry met a concurrent change. Not applied.
	ErrConflict = errors.New("too many conflicting updates")

	// ErrIndeterminate: the connection failed after the operation was sent. It may or may not have been applied.
	ErrIndeterminate = errors.New("operation may or may not have been applied")
)

// NotApplied wraps cause so that errors.Is finds both [ErrNotApplied] and the cause.
func NotApplied(cause error) error { return fmt.Errorf("%w: %w", ErrNotApplied, cause) }
