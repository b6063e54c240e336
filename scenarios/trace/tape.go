package trace

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/sessbench/sessbench/scenarios"
)

// recordSize is the size of a record on a tape, in bytes: the time in nanoseconds and the TapeOp, each 8 bytes, little endian.
const recordSize = 16

// Tape is a compiled log: for each user the operations of the user's sessions, in the log's order. A session's
// operations all go to one user, that of its slot modulo the number of users. User may be called, and its cursors
// may be read, from any number of goroutines until Close.
type Tape struct {
	file   *os.File
	remove string // the file's name where it could not be unlinked while open, else empty
	index  index
}

// index is the part of a tape that is not in its file.
type index struct {
	Chunk  int // bytes in a chunk, a multiple of recordSize
	Users  []track
	Counts Counts
	Hash   string
}

// track is the location of one user's records: chunks at these offsets, all full except the last. There is one offset per 1 to
// 64 KiB of records, so the offsets take under 1 % of the size of the tape.
type track struct {
	Chunks []int64
	Bytes  int64
}

// NewTape returns an empty tape, kept in a temporary file in dir (empty: the system's folder for such files). The file has
// a random name and is unlinked at once where the system allows, else by Tape.Close.
func NewTape(dir string) (*Tape, error) {
	file, err := os.CreateTemp(dir, "sessbench-*.tape")
	if err != nil {
		return nil, err
	}
	t := &Tape{file: file}
	if os.Remove(file.Name()) != nil {
		t.remove = file.Name()
	}
	return t, nil
}

// Compile reads r to its end onto an empty tape. Its memory is bounded except for about 100 bytes per distinct session. It does not
// close r. When ctx is done it stops and returns the cause. After an error the tape can only be closed.
func (t *Tape) Compile(ctx context.Context, r *Reader, users int) error {
	if users < 1 {
		return fmt.Errorf("--users %d: want at least 1", users)
	}
	// Chunks spread 64 MiB over the users, within limits that keep reads worth their system call.
	const all, least, largest = 64 << 20, 1 << 10, 64 << 10
	t.index.Chunk, t.index.Users = min(max(all/users, least), largest)/recordSize*recordSize, make([]track, users)
	known, w := newSessions(), newWriter(t)
	for {
		v, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		at, steps, err := known.add(v)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name(), err)
		}
		for _, step := range steps {
			if err := w.write(int64(at), step); err != nil {
				return err
			}
		}
		if known.counts.Visits%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if err := w.close(); err != nil {
		return err
	}
	t.index.Counts = known.finish(r)
	t.index.Hash = hex.EncodeToString(w.hash.Sum(nil))
	return context.Cause(ctx)
}

// writer collects each user's records until they fill a chunk, and appends it to the file.
type writer struct {
	tape    *Tape
	out     *bufio.Writer
	end     int64    // of the file
	pending [][]byte // by user; nil until the first record
	hash    hash.Hash
}

func newWriter(t *Tape) *writer {
	out := bufio.NewWriterSize(t.file, 256<<10)
	return &writer{tape: t, out: out, pending: make([][]byte, len(t.index.Users)), hash: sha256.New()}
}

func (w *writer) write(at int64, step scenarios.TapeOp) error {
	var record [recordSize]byte
	binary.LittleEndian.PutUint64(record[:8], uint64(at))
	binary.LittleEndian.PutUint64(record[8:], uint64(step))
	w.hash.Write(record[:])

	user := int(uint64(step.Slot()) % uint64(len(w.pending)))
	w.pending[user] = append(w.pending[user], record[:]...)
	if len(w.pending[user]) < w.tape.index.Chunk {
		return nil
	}
	return w.flush(user)
}

func (w *writer) flush(user int) error {
	chunk, track := w.pending[user], &w.tape.index.Users[user]
	track.Chunks = append(track.Chunks, w.end)
	track.Bytes += int64(len(chunk))
	w.end += int64(len(chunk))
	w.pending[user] = chunk[:0]
	_, err := w.out.Write(chunk)
	return err
}

// close writes the last, incomplete chunks.
func (w *writer) close() error {
	for user, chunk := range w.pending {
		if len(chunk) == 0 {
			continue
		}
		if err := w.flush(user); err != nil {
			return err
		}
	}
	return w.out.Flush()
}

// Users returns the number of users that the tape was compiled for.
func (t *Tape) Users() int { return len(t.index.Users) }

// Counts describes the content of the tape.
func (t *Tape) Counts() Counts { return t.index.Counts }

// Hash is the SHA-256 of the records in the log's order, in hex: the same for any number of users.
func (t *Tape) Hash() string { return t.index.Hash }

// Close closes and removes the file. Cursors cannot be used after it.
func (t *Tape) Close() error {
	err := t.file.Close()
	if t.remove != "" {
		err = errors.Join(err, os.Remove(t.remove))
	}
	return err
}
