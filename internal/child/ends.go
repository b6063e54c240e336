package child

import (
	"bytes"
	"sync"
)

// ends keeps the beginning and the end of what is written to it: what a program said when it started and before it died,
// however much it said in between.
type ends struct {
	size int // bytes of either end

	mu          sync.Mutex // protects what follows
	first, last bytes.Buffer
	cut         bool // something between them is gone
}

func (e *ends) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := min(len(p), e.size-e.first.Len())
	e.first.Write(p[:n])
	e.last.Write(p[n:])
	if over := e.last.Len() - e.size; over > e.size { // now and then, not at every write
		e.last.Next(over)
		e.cut = true
	}
	return len(p), nil
}

func (e *ends) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cut {
		return e.first.String() + "\n…\n" + e.last.String()
	}
	return e.first.String() + e.last.String()
}
