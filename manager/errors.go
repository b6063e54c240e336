package manager

import (
	"errors"
	"fmt"
)

// Errors of stores and managers. Compare with errors.Is.
var (
	// ErrNotFound: there is no session with this id.
	ErrNotFound = errors.New("session not found")

	// ErrExists: there is already a session with the id generated for a new one.
	ErrExists = errors.New("session already exists")

	// ErrClosed: the store was closed before the operation took effect.
	ErrClosed = errors.New("store closed")

	// ErrNotApplied: the operation was rejected or cancelled before it took effect. Wraps the cause, such as
	// context.Canceled.
	ErrNotApplied = errors.New("operation not applied")

	// ErrConflict: every retry found a concurrent change. Not applied.
	ErrConflict = errors.New("too many conflicting updates")

	// ErrIndeterminate: the connection failed after the operation was sent. It may or may not have been applied.
	ErrIndeterminate = errors.New("operation may or may not have been applied")
)

// NotApplied wraps cause so that errors.Is finds both [ErrNotApplied] and the cause.
func NotApplied(cause error) error { return fmt.Errorf("%w: %w", ErrNotApplied, cause) }
