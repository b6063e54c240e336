package adapter

import "sync"

// said keeps the beginning and the end of what a program says on stderr, however much that is: the one is where some
// languages name the error that ended a program, the other is where the others do.
type said struct {
	size int // bytes kept of either

	mu          sync.Mutex // protects what follows
	first, last []byte
	dropped     bool
}

// Write never fails.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(p), s.size-len(s.first))
	s.first = append(s.first, p[:n]...)
	s.last = append(s.last, p[n:]...)
	if over := len(s.last) - s.size; over > 0 {
		s.last = append(s.last[:0], s.last[over:]...)
		s.dropped = true
	}
	return len(p), nil
}

// String is what is kept, with a mark where something is missing.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	between := ""
	if s.dropped {
		between = "\n…\n"
	}
	return string(s.first) + between + string(s.last)
}
