package outfile

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"
)

// stuckAfter is how long the reader of an output may read nothing after a signal. A slow reader reads something.
const stuckAfter = 3 * time.Second

// ErrStuck is the error of an output that was abandoned.
var ErrStuck = errors.New("interrupted: the reader does not read")

// Unstuck renders an output and writes it with open, which may block forever on a pipe. After a signal, that is when the channel
// is closed, it abandons writing with [ErrStuck] when the reader has read nothing for three seconds. Rendering has no time limit.
func Unstuck(signal <-chan struct{}, render func(io.Writer) error, open func(write func(io.Writer) error) error) error {
	var text bytes.Buffer
	if err := render(&text); err != nil {
		return err
	}
	var taken atomic.Int64
	done := make(chan error, 1)
	go func() {
		done <- open(func(w io.Writer) error {
			for piece := range slices.Chunk(text.Bytes(), 4<<10) { // small, to notice the progress of a slow reader
				if _, err := w.Write(piece); err != nil {
					return err
				}
				taken.Add(1)
			}
			return nil
		})
	}()
	select {
	case err := <-done:
		return err
	case <-signal:
	}
	for before := taken.Load(); ; {
		select {
		case err := <-done:
			return err
		case <-time.After(stuckAfter):
		}
		now := taken.Load()
		if now == before {
			return ErrStuck
		}
		before = now
	}
}
