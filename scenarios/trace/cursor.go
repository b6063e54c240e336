package trace

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/sessbench/sessbench/scenarios"
)

// Cursor reads one user's operations from a tape, a chunk at a time. It is for one goroutine.
type Cursor struct {
	buf  []byte // rest of the chunk
	full []byte // the whole chunk
	next int    // the chunk to read next
	tape *Tape
	user int
	err  error
}

// User returns a cursor at the start of a user's operations, which holds at most 64 KiB. Users count from 0.
func (t *Tape) User(i int) *Cursor {
	size := min(int64(t.index.Chunk), t.index.Users[i].Bytes)
	return &Cursor{tape: t, user: i, full: make([]byte, size)}
}

// Again returns c at the start of its operations.
func (c *Cursor) Again() *Cursor {
	c.buf, c.next = nil, 0
	return c
}

// Next returns the next operation and its time in nanoseconds since the log's first row, which never decreases. ok is false at the
// end and after an error, see Err. It does not allocate.
func (c *Cursor) Next() (at int64, step scenarios.TapeOp, ok bool) {
	if len(c.buf) < recordSize && !c.fill() {
		return 0, 0, false
	}
	at = int64(binary.LittleEndian.Uint64(c.buf))
	step = scenarios.TapeOp(binary.LittleEndian.Uint64(c.buf[8:]))
	c.buf = c.buf[recordSize:]
	return at, step, true
}

// fill reads the next chunk. All but the last are full.
func (c *Cursor) fill() bool {
	track := &c.tape.index.Users[c.user]
	if c.err != nil || c.next == len(track.Chunks) {
		return false
	}
	size := min(int64(c.tape.index.Chunk), track.Bytes-int64(c.next)*int64(c.tape.index.Chunk))
	n, err := c.tape.file.ReadAt(c.full[:size], track.Chunks[c.next])
	if int64(n) < size {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		c.err = fmt.Errorf("tape: user %d, chunk %d: %w", c.user, c.next, err)
		return false
	}
	c.buf = c.full[:size]
	c.next++
	return true
}

// Err returns the error that ended reading early, or nil.
func (c *Cursor) Err() error { return c.err }
