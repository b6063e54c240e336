package history

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Level is a consistency level: what the results of concurrent operations on a session have in common. Services promise different
// ones, see P. Viotti and M. Vukolić, "Consistency in Non-Transactional Distributed Storage Systems", ACM Computing Surveys 49 (2016).
// Each level includes all weaker ones.
//
// A write is confirmed when it has returned success. Writes are appends, updates, creations and removals. A read shows an append if
// the message is in it, and an update if both fields have its value. A read lacks a message only if the message must be in it: the read
// has fewer messages than a session keeps, or one whose append had returned before this one was called. It lacks an update if it shows
// a value whose update had returned before this one was called, or none. An operation that finds no session lacks whatever
// confirmed that there is one.
type Level string

// The levels, the strongest first.
const (
	// LevelLinearizable: some order of all operations explains every result and keeps the order of operations that do not overlap
	// (Herlihy and Wing, 1990). See [Check].
	LevelLinearizable Level = "linearizable"

	// LevelLastWriterWins: an operation reads the whole session at one moment, and a write stores it as a whole, with its
	// change, at a later moment; both lie between its call and its return, and the session is what was stored last (a regular register
	// on which writes are not atomic: the lost update of A. Adya's P4 is allowed, between operations that overlap). So a
	// write that overlaps another may undo it, but a write that was confirmed before another was called is contained in it. Moreover,
	// a message stands after those that were confirmed before it was appended.
	LevelLastWriterWins Level = "last-writer-wins"

	// LevelReadYourWrites: no operation of a user lacks a write by the same user that was confirmed before it began (D. Terry et
	// al., "Session Guarantees for Weakly Consistent Replicated Data", 1994), unless a write of another user replaced it: one that
	// returned after it had been called, and that is shown or can be hidden.
	LevelReadYourWrites Level = "read-your-writes"

	// LevelEventual: no operation lacks a write that was confirmed for longer than a bound before it began (W. Vogels,
	// "Eventually Consistent", 2009, with a bound for the window of inconsistency), unless another write replaced it, as above.
	LevelEventual Level = "eventual"

	// LevelNone: none of the above. Even so no read shows what no operation wrote, what was written to another session or
	// reported as not applied, or one message twice.
	LevelNone Level = "none"
)

// DefaultBound is the bound of [LevelEventual] where none is declared.
const DefaultBound = 2 * time.Second

// Levels returns all levels, the strongest first.
func Levels() []Level {
	return []Level{LevelLinearizable, LevelLastWriterWins, LevelReadYourWrites, LevelEventual, LevelNone}
}

// Includes reports whether a history with level l has the other level, too.
func (l Level) Includes(other Level) bool {
	return slices.Index(Levels(), l) <= slices.Index(Levels(), other)
}

// With returns the level as it is declared, "eventual(2s)" with the bound.
func (l Level) With(bound time.Duration) string {
	if l == LevelEventual && bound > 0 {
		return fmt.Sprintf("%s(%v)", l, bound)
	}
	return string(l)
}

// ParseLevel reads a declared level: its name, and for an eventual one the bound, "eventual(2s)".
func ParseLevel(text string) (Level, time.Duration, error) {
	switch l := Level(text); l {
	case LevelLinearizable, LevelLastWriterWins, LevelReadYourWrites:
		return l, 0, nil
	}
	if inside, ok := strings.CutPrefix(text, string(LevelEventual)+"("); ok && strings.HasSuffix(inside, ")") {
		if bound, err := time.ParseDuration(strings.TrimSuffix(inside, ")")); err == nil && bound > 0 {
			return LevelEventual, bound, nil
		}
	}
	return "", 0, fmt.Errorf("consistency %q: want linearizable, last-writer-wins, read-your-writes or eventual(BOUND), such as eventual(2s)", text)
}
