package trace

import "bytes"

// parseKey is the parser of a file of bare keys: a line is a session.
func parseKey(line []byte, r *row) error {
	*r = row{}
	r[roleSession] = bytes.TrimSpace(line)
	return nil
}
