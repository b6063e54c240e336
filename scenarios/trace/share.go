package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Two processes can replay one tape: they share its file, and one sends the other its index.

// File returns the tape's file, for a process to inherit, and its name if it has one, for a process that inherits no files.
func (t *Tape) File() (f *os.File, name string) { return t.file, t.remove }

// Index returns the argument of [Reopen] other than the file, in JSON.
func (t *Tape) Index() ([]byte, error) { return json.Marshal(t.index) }

// Reopen returns a tape that another process has compiled, by its file and its index. Its Close closes f.
func Reopen(f *os.File, from []byte) (*Tape, error) {
	t := &Tape{file: f}
	if err := json.Unmarshal(from, &t.index); err != nil {
		return nil, fmt.Errorf("index of a tape: %w", err)
	}
	if t.index.Chunk < recordSize || len(t.index.Users) == 0 {
		return nil, errors.New("index of a tape: it is empty")
	}
	return t, nil
}
