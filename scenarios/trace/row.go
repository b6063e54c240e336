package trace

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sessbench/sessbench/scenarios"
)

// row holds the raw cells of one line by role. nil: the line has no such cell. It points into the line.
type row [numRoles][]byte

// parser parses a line. Its errors describe the problem but not the position of the line.
type parser func(line []byte, r *row) error

// parseKey parses a line of bare keys: it is a visit to that session.
func parseKey(line []byte, r *row) error {
	*r = row{roleSession: bytes.TrimSpace(line)}
	return nil
}

// filled reports whether a cell is not empty: logs write "-" for an empty cell.
func filled(cell []byte) bool { return len(cell) > 0 && string(cell) != "-" }

// Action is one operation of a visit. Size is in bytes, 0 for operations that write nothing.
type Action struct {
	Op   scenarios.Op
	Size int
}

// actions appends the operations of a row: its operation if it names one; history, append, append if the size of a reply is
// known; else an append. length is the size if there is no size column.
func actions(dst []Action, r *row, tokens [numRoles]bool, length int) ([]Action, error) {
	size, err := cellSize(r, roleBytes, tokens, length)
	if err != nil {
		return dst, err
	}
	if filled(r[roleOp]) {
		op, err := parseOp(string(r[roleOp]))
		if err != nil {
			return dst, err
		}
		if !op.Does(scenarios.Writes) {
			size = 0
		}
		return append(dst, Action{op, size}), nil
	}
	if r[roleReply] == nil {
		return append(dst, Action{scenarios.Append, size}), nil
	}
	reply, err := cellSize(r, roleReply, tokens, 0)
	if err != nil {
		return dst, err
	}
	return append(dst, Action{scenarios.History, 0}, Action{scenarios.Append, size}, Action{scenarios.Append, reply}), nil
}

// cellSize is the number of bytes in a cell: 0 where it is empty, length where there is none. It may exceed
// [scenarios.MaxSize]: sessions cut and count such sizes.
func cellSize(r *row, which role, tokens [numRoles]bool, length int) (int, error) {
	cell := r[which]
	if cell == nil {
		return length, nil
	}
	if !filled(cell) {
		return 0, nil
	}
	n, err := strconv.ParseFloat(string(cell), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(n) || n < 0 {
		return 0, fmt.Errorf("%s %q: want a number from 0", which, clip(cell))
	}
	if tokens[which] {
		n *= BytesPerToken
	}
	return int(min(math.Round(n), math.MaxInt32)), nil // far above scenarios.MaxSize
}

// synonym maps other systems' names of operations. It precedes the names of package scenarios, so that read in a log is a history.
// Creating is get-or-create, because a recorded key may have been used before.
func synonym(name string) (scenarios.Op, bool) {
	switch name {
	case "get", "read", "validate":
		return scenarios.History, true
	case "post", "put", "write", "update", "touch":
		return scenarios.Append, true
	case "create", "login":
		return scenarios.GetOrCreate, true
	case "logout":
		return scenarios.Delete, true
	}
	return 0, false
}

// legal are the operations that a log may name, apart from synonyms.
var legal = scenarios.Recorded().Legal

const legalOps = "create, append, history, delete " +
	"(get, read, validate: history; post, put, write, update, touch: append; login: create; logout: delete)"

// parseOp finds the operation that a log's op column names. Recorded ids are used more than once, which no manager
// allows, so traffic is replayed on the store, with the operations that every store has.
func parseOp(name string) (scenarios.Op, error) {
	lower := strings.ToLower(strings.TrimSpace(name))
	if op, ok := synonym(lower); ok {
		return op, nil
	}
	if op, err := scenarios.ParseOp(lower); err == nil && slices.Contains(legal, op) {
		return op, nil
	}
	return 0, fmt.Errorf("unknown operation %q: want one of %s", clip([]byte(name)), legalOps)
}

// clip shortens text for an error.
func clip[S ~string | ~[]byte](s S) string {
	const most = 80
	if len(s) > most {
		return string(s[:most]) + "…"
	}
	return string(s)
}
