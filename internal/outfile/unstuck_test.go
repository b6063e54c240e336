package outfile

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowReader takes what is written at a rate of two kibibytes a second.
type slowReader struct{ strings.Builder }

func (r *slowReader) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(len(p)) * time.Second / 2048)
	return r.Builder.Write(p)
}

// TestUnstuck: after a signal an output is abandoned when its reader reads nothing, not when rendering or reading is slow.
func TestUnstuck(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 2000)
	signal := make(chan struct{})
	close(signal)
	render := func(w io.Writer) error { // one write, as of JSON
		time.Sleep(10 * stuckAfter)
		_, err := io.WriteString(w, text)
		return err
	}
	synctest.Test(t, func(t *testing.T) {
		to := &slowReader{}
		err := Unstuck(signal, render, func(write func(io.Writer) error) error { return write(to) })
		if err != nil || to.String() != text {
			t.Errorf("slow: error %v, %d bytes: want all %d", err, to.Len(), len(text))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		err := Unstuck(signal, render, func(write func(io.Writer) error) error { return write(w) })
		if !errors.Is(err, ErrStuck) {
			t.Errorf("a pipe that is not read: error %v", err)
		}
		r.Close()
	})
	synctest.Test(t, func(t *testing.T) {
		opened := make(chan struct{})
		if err := Unstuck(signal, render, func(func(io.Writer) error) error { <-opened; return nil }); !errors.Is(err, ErrStuck) {
			t.Errorf("a pipe that cannot be opened: error %v", err)
		}
		close(opened)
	})
	failed := errors.New("failed")
	err := Unstuck(signal, func(io.Writer) error { return failed }, func(func(io.Writer) error) error {
		t.Error("what could not be rendered is written")
		return nil
	})
	if !errors.Is(err, failed) {
		t.Errorf("error %v: want %v", err, failed)
	}
}
