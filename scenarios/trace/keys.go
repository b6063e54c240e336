package trace

import "bytes"

// parseKey parses a file of bare keys: each line is a visit to that session.
func parseKey(line []byte, r *row) error {
	*r = row{}
	r[roleSession] = bytes.TrimSpace(line)
	return nil
}
