package child

import (
	"bytes"
	"sync"
)

// tail keeps the beginning and the end of what is written to it: some languages name the error that ended a program in its
// first lines, others in its last.
type tail struct {
	size int // bytes kept of the beginning, and of the end

	mu          sync.Mutex // protects what follows
	first, last bytes.Buffer
	cut         bool // something between them was dropped
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(p), t.size-t.first.Len())
	t.first.Write(p[:n])
	t.last.Write(p[n:])
	if t.last.Len() > 2*t.size { // not at every write
		t.trim()
	}
	return len(p), nil
}

// trim drops what is too much of the end. t.mu is held.
func (t *tail) trim() {
	if over := t.last.Len() - t.size; over > 0 {
		t.last.Next(over)
		t.cut = true
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trim()
	if t.cut {
		return t.first.String() + "\n…\n" + t.last.String()
	}
	return t.first.String() + t.last.String()
}
