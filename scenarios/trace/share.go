package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Two processes can replay one tape: they share its file, and one sends the other its index.

// index is the part of a tape that is not in its file.
type index struct {
	Chunk  int
	Tracks []track
	Counts Counts
	Hash   string
}

// File returns the tape's file, for a process to inherit, and its name if it has one, for a process that inherits no files.
func (t *Tape) File() (f *os.File, name string) { return t.file, t.remove }

// Index returns the argument of [Reopen] other than the file, in JSON.
func (t *Tape) Index() ([]byte, error) {
	return json.Marshal(index{t.chunk, t.users, t.counts, t.hash})
}

// Reopen returns a tape that another process has compiled, by its file and its index. Its Close closes f.
func Reopen(f *os.File, from []byte) (*Tape, error) {
	var x index
	if err := json.Unmarshal(from, &x); err != nil {
		return nil, fmt.Errorf("index of a tape: %w", err)
	}
	if x.Chunk < recordSize || len(x.Tracks) == 0 {
		return nil, errors.New("index of a tape: it is empty")
	}
	return &Tape{file: f, chunk: x.Chunk, users: x.Tracks, counts: x.Counts, hash: x.Hash}, nil
}
