package adapter

import (
	"errors"
	"fmt"

	"github.com/sessbench/sessbench/scenarios"
)

// The most that a request may carry, in bytes of UTF-8. With these a history of 15 messages, and all fields of a
// session, fit a line even where each byte is escaped as \u00XX. They are exact in docs/adapter-protocol.md.
const (
	MaxContent = scenarios.MaxSize // of a message
	MaxRole    = 1 << 10           // of a message
	MaxFields  = 1 << 20           // names and values of a session's fields, together
)

// errTooLarge says that a request was not sent because it carries more than the protocol allows. It is no
// [manager.ErrNotApplied]: that would be one of the ways in which an operation may fail, and this is a mistake of the caller.
var errTooLarge = errors.New("not sent: larger than the adapter protocol allows")

// checkSize is an error for a request that carries too much.
func checkSize(q *scenarios.Request) error {
	fields := 0
	for name, value := range q.Fields {
		fields += len(name) + len(value)
	}
	for _, part := range [...]struct {
		name      string
		size, max int
	}{{"content", len(q.Content), MaxContent}, {"role", len(q.Role), MaxRole}, {"fields", fields, MaxFields}} {
		if part.size > part.max {
			return fmt.Errorf("%s: %w: %s of %d bytes: want at most %d", opNames[q.Op], errTooLarge, part.name, part.size, part.max)
		}
	}
	return nil
}
